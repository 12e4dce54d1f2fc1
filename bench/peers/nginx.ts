/** nginx in front of a peer: kept-alive connections both ways, one worker and a JSON access log, as the mesh's Envoy has. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const logFields = [
  ['time', '$time_iso8601'],
  ['method', '$request_method'],
  ['path', '$uri'],
  ['protocol', '$server_protocol'],
  ['status', '$status'],
  ['duration', '$request_time'],
  ['upstream', '$upstream_addr'],
  ['requestId', '$request_id'],
  ['userAgent', '$http_user_agent'],
  ['bytesReceived', '$request_length'],
  ['bytesSent', '$body_bytes_sent'],
]

const configOf = (folder: string, port: number, upstreamPort: number) => `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  log_format json escape=json '{${logFields.map(([name, value]) => `"${name}":"${value}"`).join(',')}}';
  access_log ${folder}/access.log json;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path ${folder}/${kind};`).join('\n  ')}
  keepalive_requests 1000000;
  gzip on;
  gzip_types application/json;
  gzip_min_length 1024;
  upstream next {
    server 127.0.0.1:${upstreamPort};
    keepalive 64;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 1m;
    location / {
      proxy_pass http://next;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Request-ID $request_id;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
`

/** Throws when nginx is missing, with what to do. */
export function requireNginx(): void {
  try {
    execFileSync('nginx', ['-v'], { stdio: 'ignore' })
  } catch {
    throw new Error(
      'The peers of the bench stand behind nginx, which is not on PATH: install it, for example apt install nginx-light.',
    )
  }
}

/** Starts nginx with its files in `folder`. */
export function startNginx(folder: string, port: number, upstreamPort: number): ChildProcess {
  mkdirSync(folder, { recursive: true })
  const config = join(folder, 'nginx.conf')
  writeFileSync(config, configOf(folder, port, upstreamPort))
  return spawn('nginx', ['-p', folder, '-c', config, '-e', `${folder}/error.log`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}
