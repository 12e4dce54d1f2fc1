export const copyCall = {
  label: 'Copy as',
  done: 'Copied as {{name}}.',
  doneToken: 'Copied as {{name}}. Its first line says how to set $TOKEN.',
}
