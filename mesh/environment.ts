/** The operator's environment without what npm puts there, and without settings of ours: what an engine or a tool gets. */
export function engineEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(npm_|SITE11_)/i.test(name)))
}

/** For the Console alone. */
const consoleOnly = [
  'SITE11_SECRET_KEY',
  'SITE11_OPERATOR_TOKEN',
  'SITE11_METRICS_TOKEN',
  'SITE11_ADMIN_EMAIL',
  'SITE11_ADMIN_PASSWORD',
]

/** What a service gets: every setting of the operator but those for the Console. */
export function serviceEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^npm_/i.test(name) && !consoleOnly.includes(name)))
}

/** What the Console gets: every setting of the operator. */
export function consoleEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^npm_/i.test(name)))
}
