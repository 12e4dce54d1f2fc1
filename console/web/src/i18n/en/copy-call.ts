export const copyCall = {
  label: 'Copy as',
  here: 'Calls of this page',
  before: 'Calls before',
  none: 'This page has called nothing yet.',
  as: 'Copy {{method}} as {{name}}',
  done: 'Copied as {{name}}.',
  doneToken: 'Copied as {{name}}. Its first line says how to set $TOKEN.',
}
