export const findings = {
  none: '그 밖의 문제는 없습니다.',
  next: '다음 할 일:',
  changes: '관련 변경:',
  mesh: '메시 전체',
  severities: { failing: '호출자에게 영향이 있습니다', degraded: '아직 영향은 없습니다', unknown: '참고할 점' },
}
