/** A mail server that collects the mails of the CalDAV servers under test. */
import { createServer, type Socket } from 'node:net';

export interface MailSink {
  readonly port: number;
  /** `RCPT TO` addresses and the text of each mail. */
  readonly mails: readonly { readonly to: readonly string[]; readonly text: string }[];
  close(): Promise<void>;
}

export async function startMailSink(): Promise<MailSink> {
  const mails: { to: string[]; text: string }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(
      socket
        .setEncoding('utf8')
        .on('close', () => sockets.delete(socket))
        .on('error', () => socket.destroy()),
    );
    serve(socket, (to, text) => void mails.push({ to, text }));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    mails,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The part of RFC 5321 that a server needs if it trusts every client. */
function serve(socket: Socket, deliver: (to: string[], text: string) => void): void {
  let [pending, to, text]: [string, string[], string[] | null] = ['', [], null];
  const answer = (line: string): void => {
    const command = line.slice(0, 4).toUpperCase();
    if (text !== null) {
      if (line !== '.') return void text.push(line);
      deliver(to, text.join('\n'));
      [to, text] = [[], null];
    } else if (command === 'EHLO') return void socket.write('250-sink\r\n250 8BITMIME\r\n');
    else if (command === 'RCPT') to.push(/<([^>]*)>/.exec(line)?.[1] ?? line);
    else if (command === 'DATA') {
      text = [];
      return void socket.write('354 send the text\r\n');
    } else if (command === 'RSET') to = [];
    else if (command === 'QUIT') return void socket.end('221 bye\r\n');
    socket.write('250 ok\r\n');
  };
  socket.write('220 sink\r\n');
  socket.on('data', (chunk: string) => {
    const lines = (pending + chunk).split(/\r?\n/);
    pending = lines.pop() ?? '';
    lines.forEach(answer);
  });
}
