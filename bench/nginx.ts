import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { internal } from '../lib/failure.ts'
import { findTool } from './command.ts'
import { freePort, startDaemon } from './daemon.ts'

/** Serves a folder over HTTP while `use` runs; the bytes that nginx sent, by its access log. */
export async function throughNginx(
  folder: string,
  scratch: string,
  use: (url: string) => Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  const nginx = await findTool('nginx')
  if (nginx === undefined) throw internal('INTERNAL', 'nginx is not installed.')
  const home = await mkdtemp(join(scratch, 'nginx-'))
  try {
    await serve(nginx, home, folder, use, signal)
    const log = await readFile(join(home, 'access.log'), 'utf8')
    return log.split('\n').reduce((sum, line) => sum + Number(line), 0)
  } finally {
    await rm(home, { recursive: true })
  }
}

/** Returns when nginx has ended, and so has written its log. */
async function serve(
  nginx: string,
  home: string,
  folder: string,
  use: (url: string) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const port = await freePort()
  const settings = join(home, 'nginx.conf')
  await writeFile(settings, render(home, folder, port))
  const args = ['-p', home, '-c', settings, '-e', join(home, 'error.log')]
  await using _daemon = await startDaemon(nginx, args, port, signal)
  await use(`http://127.0.0.1:${port}`)
}

function render(home: string, folder: string, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 2;
pid "${home}/pid";
events {}
http {
  log_format bytes '$bytes_sent';
  access_log "${home}/access.log" bytes;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
${temporary.map((name) => `  ${name}_temp_path "${home}/${name}";`).join('\n')}
  server {
    listen 127.0.0.1:${port};
    root "${folder}";
  }
}
`
}
