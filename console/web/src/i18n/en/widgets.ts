export const widgets = {
  span: 'last 24 hours',
  change: '{{change}} against the day before',
  none: 'no value',
  others: 'others',
  away: 'Statistics does not answer',
}
