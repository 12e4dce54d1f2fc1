export const copyCall = {
  label: '복사 형식',
  here: '이 화면의 호출',
  before: '이전 호출',
  none: '이 화면에서 아직 호출이 없습니다.',
  as: '{{method}}: {{name}} 형식으로 복사',
  done: '{{name}} 형식으로 복사했습니다.',
  doneToken: '{{name}} 형식으로 복사했습니다. $TOKEN을 정하는 방법이 첫 줄에 있습니다.',
}
