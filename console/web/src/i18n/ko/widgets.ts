export const widgets = {
  span: '최근 24시간',
  change: '전날 대비 {{change}}',
  none: '값 없음',
  others: '기타',
  away: 'Statistics가 응답하지 않습니다',
}
