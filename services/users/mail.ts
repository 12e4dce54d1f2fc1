/**
 * Mails: composed in the language of their reader, handed to an SMTP server, or written to a folder when there is none.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setImmediate as afterThisTurn, setTimeout as wait } from 'node:timers/promises'
import type { Log } from '@site11/runtime/log.ts'
import { createTransport, type SendMailOptions } from 'nodemailer'
import type { LinkKind } from './links.ts'
import type { UserRecord } from './user.ts'

export type MakeLink = () => string | undefined | Promise<string | undefined>

export interface Mail {
  /**
   * Sends a mail with a one-time link, some time after it has returned; a failure is logged.
   * @param makeLink is called then; nothing is sent when it gives undefined.
   */
  sendLink(kind: LinkKind, to: UserRecord, makeLink: MakeLink): void
  /** Resolves when what was started has been sent or has failed, after 2 s at the latest. */
  close(): Promise<void>
}

export interface MailOptions {
  /** URL of the SMTP server; mails become files when undefined. */
  smtpUrl: string | undefined
  from: string
  /** Where the files go. */
  folder: string
  log: Log
}

type TextMail = SendMailOptions & { text: string }

/** How long the SMTP server may stay silent, and how long mails under way are waited for at the end. Both ms. */
const silenceMs = 10_000
const closeMs = 2000

export function createMail({ smtpUrl, from, folder, log }: MailOptions): Mail {
  const deliver = smtpUrl ? bySmtp(smtpUrl) : toFolder(resolve(folder), log)
  const pending = new Set<Promise<void>>()
  async function send(kind: LinkKind, to: UserRecord, makeLink: MakeLink) {
    await afterThisTurn()
    const link = await makeLink()
    if (!link) return
    await deliver.send({
      from,
      to: { name: to.displayName, address: to.email },
      ...composeLink(kind, to.locale, link),
    })
  }
  return {
    sendLink(kind, to, makeLink) {
      const sent = send(kind, to, makeLink).catch(error => {
        log.error({ kind, user: to._id, reason: String(error.message) }, 'a mail could not be sent')
      })
      pending.add(sent)
      void sent.then(() => pending.delete(sent))
    },
    async close() {
      await Promise.race([Promise.all(pending), wait(closeMs, undefined, { ref: false })])
      deliver.close()
    },
  }
}

function bySmtp(url: string) {
  const timeouts = { connectionTimeout: silenceMs, greetingTimeout: silenceMs, socketTimeout: silenceMs }
  const transport = createTransport({ url, ...timeouts })
  return {
    send: async (mail: TextMail) => void (await transport.sendMail(mail)),
    close: () => transport.close(),
  }
}

/** The files hold links that open accounts: nobody else may read them. */
function toFolder(folder: string, log: Log) {
  const transport = createTransport({ streamTransport: true, buffer: true })
  return {
    async send(mail: TextMail) {
      const { message } = await transport.sendMail(mail)
      const time = new Date().toISOString().replaceAll(/[-:.]/g, '')
      const path = join(folder, `${time}-${randomBytes(3).toString('hex')}.eml`)
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await writeFile(path, readable(String(message), mail.text), { mode: 0o600 })
      log.info({ path }, 'no SMTP server is configured (SITE11_SMTP_URL): wrote a mail to a file')
    },
    close: () => transport.close(),
  }
}

/** The message with its text as it is, not as quoted-printable or base64: people copy the link out of the file. */
function readable(message: string, text: string): string {
  const [headers = ''] = message.split('\r\n\r\n', 1)
  const plain = headers.replace(/^Content-Transfer-Encoding: .*$/im, 'Content-Transfer-Encoding: 8bit')
  return `${plain}\r\n\r\n${text.replaceAll('\n', '\r\n')}`
}

const texts = {
  en: {
    greeting: 'Hello,',
    reset: {
      subject: 'Choose a new password',
      why: 'somebody, hopefully you, asked for a new password for your account. Choose one here within an hour:',
    },
    verification: {
      subject: 'Confirm your e-mail address',
      why: 'please confirm within a day that this e-mail address is yours:',
    },
    otherwise: 'The link works once. If you did not ask for this, ignore this mail; nothing changes.',
  },
  ko: {
    greeting: '안녕하세요.',
    reset: {
      subject: '새 비밀번호를 정해 주세요',
      why: '회원님의 계정에 새 비밀번호 요청이 들어왔습니다. 한 시간 안에 아래 링크에서 새 비밀번호를 정해 주세요.',
    },
    verification: {
      subject: '이메일 주소를 확인해 주세요',
      why: '하루 안에 아래 링크를 눌러 이 이메일 주소가 회원님의 주소임을 확인해 주세요.',
    },
    otherwise: '링크는 한 번만 쓸 수 있습니다. 요청하신 적이 없다면 이 메일을 무시하세요. 아무것도 바뀌지 않습니다.',
  },
}

/** @returns subject and text; Korean for readers whose locale is Korean, else English. */
export function composeLink(kind: LinkKind, locale: string, link: string): { subject: string; text: string } {
  const { greeting, otherwise, [kind]: about } = /^ko\b/i.test(locale) ? texts.ko : texts.en
  return { subject: about.subject, text: `${greeting}\n\n${about.why}\n\n${link}\n\n${otherwise}\n` }
}
