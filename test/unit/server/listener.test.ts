import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { WireRequest } from '../../../src/wire/message.ts';
import type { Stage } from './raw-client.ts';
import { answer, collect, pause, stage, statusOf, talk } from './raw-client.ts';

const stages: Stage[] = [];
afterEach(async () => {
  await Promise.all(stages.splice(0).map((each) => each.close()));
});
async function opened(...args: Parameters<typeof stage>): Promise<Stage> {
  const started = await stage(...args);
  stages.push(started);
  return started;
}

/** Answers with what it was given, after reading the body. */
async function echo(seen: WireRequest[] = []): Promise<{ readonly house: Stage; readonly seen: WireRequest[] }> {
  const house = await opened(async (wire) => {
    seen.push(wire);
    let size = 0;
    for await (const chunk of wire.body) size += (chunk as Buffer).length;
    return answer(`${wire.method} ${wire.target} ${size}`);
  });
  return { house, seen };
}

describe('the head of a request', () => {
  test('reaches the handler as it came: raw target, ordered lower-case names, raw values', async () => {
    const { house, seen } = await echo();
    const { text } = await talk(house.port, 'GET //b/%2e%2e/a%2Fb?x=%zz HTTP/1.1\r\nhost: h\r\n\r\n');
    expect(statusOf(text)).toBe(400);
    expect(text).toContain('InvalidURI');
    const second = await talk(
      house.port,
      'GET //b/%2e%2e/%zz/a%2Fb?acl&x=1 HTTP/1.1\r\nHost: H.example:80\r\nX-B: 1\r\nx-a: 2\r\nX-B:  3 \r\n\r\n',
    );
    expect(statusOf(second.text)).toBe(200);
    expect(seen[0]?.target).toBe('//b/%2e%2e/%zz/a%2Fb?acl&x=1');
    expect(seen[0]?.path).toBe('//b/%2e%2e/%zz/a%2Fb');
    expect(seen[0]?.query.map(({ name, value }) => [name, value])).toEqual([
      ['acl', undefined],
      ['x', '1'],
    ]);
    expect(seen[0]?.headers).toEqual([
      ['host', 'H.example:80'],
      ['x-b', '1'],
      ['x-a', '2'],
      ['x-b', '3'],
    ]);
    expect(seen[0]?.host).toBe('h.example:80');
    expect(seen[0]?.connection).toEqual({ peer: '127.0.0.1', secure: false, tlsVersion: undefined, listener: 'main' });
  });

  test('names of Object.prototype are ordinary header names', async () => {
    const { house, seen } = await echo();
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty'])
      expect(statusOf((await talk(house.port, `GET / HTTP/1.1\r\nhost: h\r\n${name}: 1\r\n\r\n`)).text)).toBe(200);
    expect(seen.map(({ headers }) => headers[1]?.[0])).toEqual([
      '__proto__',
      'constructor',
      'tostring',
      'hasownproperty',
    ]);
    expect(({} as Record<string, unknown>)['1']).toBeUndefined();
  });

  test.each([
    [
      'Content-Length and Transfer-Encoding',
      'POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'Transfer-Encoding and Content-Length',
      'POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n',
    ],
    ['two different lengths', 'POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello'],
    ['two equal lengths', 'POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello'],
    ['a list of lengths', 'POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5, 5\r\n\r\nhello'],
    ['a signed length', 'POST / HTTP/1.1\r\nhost: h\r\ncontent-length: +3\r\n\r\nabc'],
    ['a space before the colon', 'POST / HTTP/1.1\r\nhost: h\r\ncontent-length : 3\r\n\r\nabc'],
    ['obs-fold', 'GET / HTTP/1.1\r\nhost: h\r\nx-a: 1\r\n 2\r\n\r\n'],
    ['a bare LF', 'GET / HTTP/1.1\nhost: h\n\n'],
    ['an unknown coding', 'POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: cow\r\n\r\nabc'],
    ['a coding before chunked', 'POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['chunked not last', 'POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n'],
    [
      'chunked twice',
      'POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['chunked in HTTP/1.0', 'POST / HTTP/1.0\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a NUL in the target', 'GET /a\0b HTTP/1.1\r\nhost: h\r\n\r\n'],
    ['an 8-bit target', 'GET /a\xe4 HTTP/1.1\r\nhost: h\r\n\r\n'],
    ['a fragment', 'GET /a#b HTTP/1.1\r\nhost: h\r\n\r\n'],
    ['an unknown method', 'FROB / HTTP/1.1\r\nhost: h\r\n\r\n'],
    ['HTTP/2 prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['headers over 16 KiB', `GET / HTTP/1.1\r\nhost: h\r\nx-a: ${'a'.repeat(20_000)}\r\n\r\n`],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n'],
    ['a Host with a path', 'GET / HTTP/1.1\r\nhost: a/b\r\n\r\n'],
    ['a Host with user info', 'GET / HTTP/1.1\r\nhost: u@b\r\n\r\n'],
    ['absolute form of another host', 'GET http://other/x HTTP/1.1\r\nhost: h\r\n\r\n'],
    ['absolute form without a Host', 'GET http://h/x HTTP/1.0\r\n\r\n'],
    ['asterisk form', 'OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\n'],
  ])('with %s is refused in the dialect’s XML, and the connection ends', async (_name, bytes) => {
    const { house, seen } = await echo();
    const { text, closed } = await talk(house.port, `${bytes}GET /smuggled HTTP/1.1\r\nhost: h\r\n\r\n`, 1500);
    expect([400, 501]).toContain(statusOf(text));
    expect(text).toMatch(/<Error><Code>(BadRequest|InvalidURI|NotImplemented)<\/Code><\/Error>/);
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(closed).toBe(true);
    expect(seen).toHaveLength(0);
  });

  test('absolute form of the same host is taken as origin form', async () => {
    const { house, seen } = await echo();
    await talk(house.port, 'GET http://H/x?y HTTP/1.1\r\nhost: h\r\n\r\n');
    expect(seen[0]?.target).toBe('/x?y');
  });

  test('HTTP/1.0 needs no Host', async () => {
    const { house, seen } = await echo();
    const { text, closed } = await talk(house.port, 'GET /x HTTP/1.0\r\n\r\n');
    expect(statusOf(text)).toBe(200);
    expect(closed).toBe(true);
    expect(seen[0]?.host).toBe('');
  });

  test('methods without a route and odd content types reach the handler, and bodies are never parsed', async () => {
    const { house } = await echo();
    for (const method of ['PROPFIND', 'PATCH', 'SEARCH', 'PURGE', 'TRACE'])
      expect((await talk(house.port, `${method} /k HTTP/1.1\r\nhost: h\r\n\r\n`)).text).toContain(`${method} /k 0`);
    for (const type of ['application/json', 'application/json garbage', 'text/xml\tx', '', 'a'.repeat(8000)])
      expect(
        (await talk(house.port, `PUT /k HTTP/1.1\r\nhost: h\r\ncontent-type: ${type}\r\ncontent-length: 1\r\n\r\n{`))
          .text,
      ).toContain('PUT /k 1');
  });

  test('CONNECT is cut', async () => {
    const { house, seen } = await echo();
    expect(await talk(house.port, 'CONNECT h:1 HTTP/1.1\r\nhost: h\r\n\r\n')).toEqual({ text: '', closed: true });
    expect(seen).toHaveLength(0);
  });

  // RFC 9110 7.8: a server may ignore an offer; the JDK's and Apache's clients and `curl --http2` make one.
  test.each([
    ['h2c', 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n'],
    ['TLS', 'connection: Upgrade\r\nupgrade: TLS/1.2\r\n'],
    ['websocket', 'connection: keep-alive, Upgrade\r\nupgrade: websocket\r\n'],
  ])('that offers %s is answered as it stands, on a connection that is kept', async (_name, offer) => {
    const { house } = await echo();
    const socket = connect(house.port, '127.0.0.1');
    for (const [request, answered] of [
      [`GET /a HTTP/1.1\r\nhost: h\r\n${offer}\r\n`, 'GET /a 0'],
      [`PUT /b HTTP/1.1\r\nhost: h\r\n${offer}content-length: 5\r\n\r\nhello`, 'PUT /b 5'],
      [`PUT /c HTTP/1.1\r\nhost: h\r\n${offer}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`, 'PUT /c 3'],
      [`HEAD /d HTTP/1.1\r\nhost: h\r\n${offer}\r\n`, 'HTTP/1.1 200'],
      ['GET /e HTTP/1.1\r\nhost: h\r\n\r\n', 'GET /e 0'],
    ] as const) {
      socket.write(request);
      const { text, closed } = await collect(socket, 100);
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(text).toContain(answered);
      expect(text.toLowerCase()).not.toContain('upgrade');
      expect(closed).toBe(false);
    }
    socket.destroy();
  });

  test('that does not end in time gets RequestTimeout, also when no byte came', async () => {
    const house = await opened(async () => answer('x'), { limits: { head: 300 } });
    const [slow, silent] = await Promise.all([
      talk(house.port, 'GET / HTTP/1.1\r\nhost', 3000),
      talk(house.port, '', 3000),
    ]);
    expect(slow.text).toContain('RequestTimeout');
    expect(slow.closed).toBe(true);
    expect(silent.closed).toBe(true);
  });

  test('malformed chunks in a body become an error of its reader', async () => {
    const { house } = await echo();
    const { text, closed } = await talk(house.port, [
      'PUT /k HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n',
      'zz\r\n',
    ]);
    expect(statusOf(text)).toBe(400);
    expect(text).toContain('BadRequest');
    expect(closed).toBe(true);
  });
});

describe('Expect', () => {
  test('is answered only when the handler reads', async () => {
    let go: () => void = () => undefined;
    const permitted = new Promise<void>((resolve) => {
      go = resolve;
    });
    const house = await opened(async (wire) => {
      await permitted;
      let body = '';
      for await (const chunk of wire.body) body += String(chunk);
      return answer(body);
    });
    const socket = connect(house.port, '127.0.0.1');
    socket.write('PUT /k HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n');
    expect((await collect(socket, 150)).text).toBe('');
    go();
    expect((await collect(socket, 150)).text).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('hello');
    const { text } = await collect(socket, 150);
    expect(statusOf(text)).toBe(200);
    expect(text).toContain('hello');
    expect(text).not.toContain('connection: close');
    socket.destroy();
  });

  test('a refusal costs no body: no 100, the answer says close', async () => {
    const house = await opened(async () => answer('no', 403));
    const { text, closed } = await talk(
      house.port,
      'PUT /k HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n',
      2000,
    );
    expect(text.startsWith('HTTP/1.1 403')).toBe(true);
    expect(text).toContain('connection: close');
    expect(closed).toBe(true);
  });

  test('any other value is ignored', async () => {
    const { house } = await echo();
    for (const value of ['100-continued', '200-ok', 'x, 100-continue'])
      expect(
        (await talk(house.port, `PUT /k HTTP/1.1\r\nhost: h\r\nexpect: ${value}\r\ncontent-length: 2\r\n\r\nab`)).text,
      ).toMatch(/^HTTP\/1\.1 200[^]*PUT \/k 2/);
  });
});

describe('an answer before the body was read', () => {
  test('keeps the connection when little is left, and the next request is read in its place', async () => {
    const house = await opened(async (wire) => answer(wire.target, wire.target === '/no' ? 403 : 200));
    const { text } = await talk(
      house.port,
      'PUT /no HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabcGET /yes HTTP/1.1\r\nhost: h\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1\.1 403[^]*HTTP\/1\.1 200[^]*\/yes$/);
  });

  test('ends the connection when much is left; the client still reads the answer', async () => {
    const house = await opened(async () => answer('too bad', 403));
    const socket = connect(house.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`PUT /no HTTP/1.1\r\nhost: h\r\ncontent-length: 200000\r\n\r\n${'x'.repeat(150_000)}`);
    const { text, closed } = await collect(socket, 3000);
    expect(text).toMatch(/^HTTP\/1\.1 403[^]*connection: close[^]*too bad$/);
    expect(closed).toBe(true);
  });
});

describe('silence', () => {
  test('in a body is a RequestTimeout for its reader', async () => {
    const house = await opened(
      async (wire) => {
        await wire.body.toArray();
        return answer('never');
      },
      { limits: { idle: 250 } },
    );
    const { text, closed } = await talk(
      house.port,
      'PUT /k HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nabc',
      3000,
    );
    expect(statusOf(text)).toBe(400);
    expect(text).toContain('RequestTimeout');
    expect(closed).toBe(true);
  });

  test('of a slow store is not the client’s fault', async () => {
    const house = await opened(
      async () => {
        await pause(900);
        return answer('late');
      },
      { limits: { idle: 200 } },
    );
    expect((await talk(house.port, 'GET /k HTTP/1.1\r\nhost: h\r\n\r\n', 1200)).text).toContain('late');
  });

  test('a body that trickles in time is not cut', async () => {
    const { house } = await (async () => {
      const started = await opened(
        async (wire) => {
          let size = 0;
          for await (const chunk of wire.body) size += (chunk as Buffer).length;
          return answer(`size ${size}`);
        },
        { limits: { idle: 400 } },
      );
      return { house: started };
    })();
    const socket = connect(house.port, '127.0.0.1');
    socket.write('PUT /k HTTP/1.1\r\nhost: h\r\ncontent-length: 8\r\n\r\n');
    for (let sent = 0; sent < 8; sent++) {
      await pause(120);
      socket.write('x');
    }
    expect((await collect(socket)).text).toContain('size 8');
    socket.destroy();
  });
});

describe('a client that leaves', () => {
  test('aborts the signal and fails the reader with IncompleteBody', async () => {
    const aborted = Promise.withResolvers<boolean>();
    const failed = Promise.withResolvers<unknown>();
    const house = await opened(async (wire, signal) => {
      signal.addEventListener('abort', () => aborted.resolve(true));
      try {
        await wire.body.toArray();
      } catch (error) {
        failed.resolve(error);
        throw error;
      }
      return answer('x');
    });
    const socket = connect(house.port, '127.0.0.1');
    socket.write('PUT /k HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nabc');
    socket.on('error', () => undefined);
    await pause(100);
    socket.resetAndDestroy();
    expect(await failed.promise).toMatchObject({ code: 'IncompleteBody' });
    expect(await aborted.promise).toBe(true);
    await pause(50);
    expect(house.running.inFlight()).toEqual({ requests: 0, bytes: 0 });
    expect(house.observed[0]).toMatchObject({ complete: false });
  });

  test('by closing its half in the middle of a body is told IncompleteBody', async () => {
    const { house } = await echo();
    const socket = connect({ port: house.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.end('PUT /k HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nabc');
    const { text } = await collect(socket, 1500);
    expect(statusOf(text)).toBe(400);
    expect(text).toContain('IncompleteBody');
    socket.destroy();
  });

  test('before anybody reads does not end the process', async () => {
    const house = await opened(async () => {
      await pause(200);
      return answer('x');
    });
    const socket = connect(house.port, '127.0.0.1');
    socket.write('PUT /k HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nabc');
    await pause(50);
    socket.resetAndDestroy();
    await pause(300);
    expect(statusOf((await talk(house.port, 'GET / HTTP/1.1\r\nhost: h\r\n\r\n', 500)).text)).toBe(200);
  });
});

describe('too much at once', () => {
  test('gets SlowDown before a body is read', async () => {
    const done = Promise.withResolvers<undefined>();
    let read = 0;
    const house = await opened(
      async (wire, _signal, admit) => {
        admit('a client');
        await done.promise;
        for await (const chunk of wire.body) read += (chunk as Buffer).length;
        return answer('x');
      },
      { limits: { requests: 1 } },
    );
    const first = talk(house.port, 'GET /1 HTTP/1.1\r\nhost: h\r\n\r\n', 1000);
    await pause(100);
    const second = await talk(house.port, 'PUT /2 HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc');
    expect(statusOf(second.text)).toBe(503);
    expect(second.text).toContain('SlowDown');
    done.resolve(undefined);
    expect(statusOf((await first).text)).toBe(200);
    expect(read).toBe(0);
  });

  test('on one connection is refused too', async () => {
    let running = 0;
    let most = 0;
    const house = await opened(
      async () => {
        most = Math.max(most, ++running);
        await pause(100);
        running--;
        return answer('x');
      },
      { limits: { requestsPerConnection: 3 } },
    );
    const { text } = await talk(house.port, 'GET / HTTP/1.1\r\nhost: h\r\n\r\n'.repeat(10), 600);
    expect(most).toBe(3);
    expect(text).toContain('SlowDown');
  });
});

describe('draining', () => {
  test('lets requests under way finish, closes their connections and takes no new one', async () => {
    const go = Promise.withResolvers<undefined>();
    const house = await opened(async () => {
      await go.promise;
      return answer('done');
    });
    const client = talk(house.port, 'GET / HTTP/1.1\r\nhost: h\r\n\r\n', 2000);
    await pause(100);
    house.running.stopAccepting();
    expect(await house.running.drain(50)).toBe(false);
    expect((await talk(house.port, 'GET / HTTP/1.1\r\nhost: h\r\n\r\n')).text).toBe('');
    go.resolve(undefined);
    expect(await house.running.drain(2000)).toBe(true);
    const { text, closed } = await client;
    expect(text).toMatch(/connection: close[^]*done$/);
    expect(closed).toBe(true);
  });
});
