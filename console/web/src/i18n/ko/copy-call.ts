export const copyCall = {
  label: '복사 형식',
  done: '{{name}} 형식으로 복사했습니다.',
  doneToken: '{{name}} 형식으로 복사했습니다. $TOKEN을 정하는 방법이 첫 줄에 있습니다.',
}
