/** `npm run mesh -- <command>`: looks at a running mesh and changes it. */
import { rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import type { ConsoleClient } from './console-client.ts'
import { askControl } from './control.ts'
import { type Deployment, isUnderWay } from './deployment.ts'
import { MeshError } from './errors.ts'
import { type Home, homeOf } from './home.ts'
import { readDeployments } from './kept-deployments.ts'
import { follow, lastLines, loggedNames, mergedByTime, renderLine } from './read-logs.ts'
import { endOrphans, isAlive, type MeshRecord, readRecord, runningMesh } from './record.ts'
import { type MeshStatus, renderStatus } from './status.ts'

const show = (line: string) => void process.stdout.write(`${line}\n`)
const print = (json: boolean, value: object, text: string) => show(json ? JSON.stringify(value) : text)

/** The record of the running mesh. Throws MeshError saying how to start it. */
function running(home: Home): MeshRecord {
  const record = runningMesh(home.record)
  if (record) return record
  const left = readRecord(home.record)?.processes.filter(isAlive).length ?? 0
  const orphans = left > 0 ? ` ${left} processes of a killed one are left: npm run mesh -- stop ends them.` : ''
  const cut = readDeployments(home.deployments).deployments.filter(isUnderWay)
  const services = cut.map(
    ({ service, version, previousVersion }) => `${service} ${version} (then it has ${previousVersion} again)`,
  )
  const deploying = cut.length > 0 ? ` It was deploying ${services.join(', ')}; the next start takes that back.` : ''
  throw new MeshError(`No mesh runs in ${home.folder}.${orphans}${deploying} Start it: npm start`)
}

/** Somewhat more than a mesh takes to stop, in ms. */
const stopMs = 15_000

async function stop(home: Home): Promise<string> {
  const record = readRecord(home.record)
  if (!record) return `No mesh runs in ${home.folder}.`
  if (!isAlive(record.supervisor)) {
    const orphans = await endOrphans(record)
    rmSync(home.record, { force: true })
    return `The mesh was gone already; ended ${orphans.length} processes that it had left behind.`
  }
  await askControl(record.socket, '/stop')
  const deadline = Date.now() + stopMs
  while (isAlive(record.supervisor)) {
    if (Date.now() > deadline) {
      throw new MeshError(
        `The mesh did not stop within ${stopMs / 1000} s: kill -9 ${record.supervisor.pid}, then stop once more.`,
      )
    }
    await delay(50)
  }
  return 'The mesh has stopped.'
}

async function logs(home: Home, name: string | undefined, options: { follow: boolean; lines: number; json: boolean }) {
  const known = loggedNames(home.logs)
  if (known.length === 0) throw new MeshError(`There are no logs in ${home.logs} yet. Start the mesh: npm start`)
  const names = name === undefined ? known : known.filter(one => one === name || one.startsWith(`${name}-`))
  if (names.length === 0) throw new MeshError(`There is no log of "${name}". There are: ${known.join(', ')}.`)
  const output = (who: string, line: string) =>
    show(options.json ? JSON.stringify({ name: who, line }) : renderLine(who, line))
  const last = names.map(one => ({ name: one, lines: lastLines(home.logs, one, options.lines) }))
  for (const { name: who, line } of mergedByTime(last).slice(-options.lines)) output(who, line)
  if (!options.follow) return
  const ending = new AbortController()
  process.on('SIGINT', () => ending.abort())
  await follow(home.logs, () => names, output, ending.signal)
}

const home = homeOf(process.env)
const ask = (what: string, body?: object) => askControl(running(home).socket, what, body)

/** Loaded only for commands that ask the Console: its client takes longer to load than the other commands to run. */
async function withConsole(
  run: (client: ConsoleClient, commands: typeof import('./console-commands.ts')) => Promise<number>,
) {
  const { edgePort } = running(home)
  const commands = await import('./console-commands.ts')
  const client = commands.consoleOf(home, edgePort)
  try {
    process.exitCode = await run(client, commands)
  } finally {
    client.close()
  }
}

/** What the supervisor knows of the processes; nothing when it does not answer. */
async function processes(): Promise<MeshStatus['processes']> {
  return await ask('/status').then(
    status => (status as MeshStatus).processes,
    () => [],
  )
}

/** What it has deployed; nothing when it does not answer. */
const deployments = () =>
  ask('/deployments').then(
    answer => answer as Deployment[],
    () => [],
  )

const instanceOption = {
  type: 'string',
  demandOption: true,
  describe: 'The name of an instance, such as users-1',
} as const
const operate = (verb: 'drain' | 'resume' | 'remove' | 'forget', name: string, reason: string, json: boolean) =>
  withConsole((client, commands) => commands.operate(client, { verb, name, reason, json }, show))

const commands = yargs(hideBin(process.argv))
  .scriptName('npm run mesh --')
  .usage('Looks at the mesh on this machine and changes it. Start it: npm start')
  .option('json', { type: 'boolean', default: false, describe: 'Answer in JSON' })
  .command(
    'status',
    'Show every process and the health of the mesh',
    command => command,
    async ({ json }) => {
      const status = (await ask('/status')) as MeshStatus
      print(json, status, renderStatus(status))
    },
  )
  .command(
    'diagnose',
    'Name what is wrong and what to do; exit code 1 if critical',
    command => command,
    ({ json }) =>
      withConsole((client, commands) => commands.diagnoseCommand(client, home, { json, processes, deployments }, show)),
  )
  .command(
    'changes',
    'Show what has changed: when, by whom, before and after',
    command =>
      command
        .option('follow', { alias: 'f', type: 'boolean', default: false, describe: 'Go on with what comes' })
        .option('lines', { alias: 'n', type: 'number', default: 20, describe: 'How many to begin with, at most 1000' })
        .option('filter', {
          type: 'string',
          default: '',
          describe: 'Over id, time, actor, action and subject, such as \'subject = "instances/users-1"\'',
        }),
    ({ follow, lines, filter, json }) =>
      withConsole((client, commands) => {
        const ending = new AbortController()
        process.once('SIGINT', () => ending.abort())
        return commands.showChanges(client, { follow, lines, filter, json }, show, ending.signal)
      }),
  )
  .command(
    'verify',
    'Prove that no change was altered, left out or put in',
    command => command,
    ({ json }) => withConsole((client, commands) => commands.verifyChanges(client, json, show)),
  )
  .command(
    'rotate <what>',
    'Replace the authority of certificates (ca) or the signing key of tokens (keys)',
    command => command.positional('what', { choices: ['ca', 'keys'] as const, demandOption: true }),
    ({ what, json }) => withConsole((client, commands) => commands.rotate(client, what, json, show)),
  )
  .command(
    'drain <instance>',
    'Take an instance out of service until it is resumed',
    command =>
      command
        .positional('instance', instanceOption)
        .option('reason', { type: 'string', default: '', describe: 'Why: shown wherever the instance is' }),
    ({ instance, reason, json }) => operate('drain', instance, reason, json),
  )
  .command(
    'resume <instance>',
    'Put a drained instance back into service',
    command => command.positional('instance', instanceOption),
    ({ instance, json }) => operate('resume', instance, '', json),
  )
  .command(
    'remove <instance>',
    'Take an instance out of the registry; its process is refused',
    command => command.positional('instance', instanceOption),
    ({ instance, json }) => operate('remove', instance, '', json),
  )
  .command(
    'forget <service>',
    'Forget a service that has no instance and is not coming back',
    command => command.positional('service', { type: 'string', demandOption: true, describe: 'Such as images' }),
    ({ service, json }) => operate('forget', service, '', json),
  )
  .command(
    'logs [name]',
    'Show the logs of all, of a service or of one process',
    command =>
      command
        .positional('name', { type: 'string' })
        .option('follow', { alias: 'f', type: 'boolean', default: false, describe: 'Go on with what comes' })
        .option('lines', { alias: 'n', type: 'number', default: 100, describe: 'How many to begin with' }),
    ({ name, follow, lines, json }) => logs(home, name, { follow, lines, json }),
  )
  .command(
    'restart <name>',
    'Restart a process, or the instances of a service one after another',
    command => command.positional('name', { type: 'string', demandOption: true }),
    async ({ name, json }) => {
      await ask('/restart', { name })
      print(json, { restarted: name }, `${name} is ready again.`)
    },
  )
  .command(
    'scale <replicas>',
    'Set how many instances a service has, such as users=3',
    command => command.positional('replicas', { type: 'string', demandOption: true }),
    async ({ replicas, json }) => {
      await ask('/scale', { replicas })
      print(json, { scaled: replicas }, `${replicas} is done.`)
    },
  )
  .command(
    'deploy <service>',
    'Replace the instances of a service, or the Console, one after another; rolled back by itself',
    command =>
      command
        .positional('service', { type: 'string', demandOption: true, describe: 'Such as users, or console' })
        .option('version', { type: 'string', default: '', describe: 'One that is known here; without, the one in use' })
        .option('from', { type: 'string', describe: 'Another checkout of the project that has it' })
        .option('canary', { type: 'number', default: 0, describe: 'Percent of the requests that it gets at first' })
        .option('for', { type: 'number', default: 30, describe: 'How long a canary is watched, in seconds' }),
    async ({ service, version, from, canary, for: seconds, json }) => {
      const { deploy } = await import('./deploy-commands.ts')
      process.exitCode = await deploy(running(home).socket, { service, version, from, canary, seconds }, json, show)
    },
  )
  .command(
    'rollback <service>',
    'End the deployment that is under way, or go back to what was there before the last one',
    command => command.positional('service', { type: 'string', demandOption: true }),
    async ({ service, json }) => {
      const { rollBack } = await import('./deploy-commands.ts')
      process.exitCode = await rollBack(running(home).socket, service, json, show)
    },
  )
  .command(
    'deployments [service]',
    'Show the last deployments and how they ended',
    command => command.positional('service', { type: 'string', default: '' }),
    async ({ service, json }) => {
      const { listDeployments } = await import('./deploy-commands.ts')
      await listDeployments(running(home).socket, service, json, show)
    },
  )
  .command(
    'traffic <service> [weights..]',
    'Show how requests are spread over versions, or spread them: traffic users 0.1.0=90 0.2.0=10',
    command =>
      command
        .positional('service', { type: 'string', demandOption: true })
        .positional('weights', { type: 'string', array: true, default: [] })
        .option('reset', { type: 'boolean', default: false, describe: 'All instances get the same again' }),
    ({ service, weights, reset, json }) =>
      withConsole(async client => {
        const { traffic } = await import('./deploy-commands.ts')
        return traffic(client, { service, weights, reset, json }, show)
      }),
  )
  .command(
    'stop [name]',
    'Stop the mesh, or one process or service until it is restarted',
    command => command.positional('name', { type: 'string' }),
    async ({ name, json }) => {
      if (name) await ask('/stop', { name })
      const result = name ? `${name} has stopped. Start it: npm run mesh -- restart ${name}` : await stop(home)
      print(json, { result }, result)
    },
  )
  .demandCommand(1, 'Which command?')
  .strict()
  .strictCommands()
  .wrap(100)
  .version(false)
  .fail((message, error, self) => {
    if (error) throw error
    throw new MeshError(`${message}\n\n${self.help()}`)
  })

try {
  await commands.parseAsync()
} catch (error) {
  if (!(error instanceof MeshError)) throw error
  console.error(process.argv.includes('--json') ? JSON.stringify({ error: error.message }) : `site11: ${error.message}`)
  process.exitCode = 1
}
