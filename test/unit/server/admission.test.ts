import { describe, expect, test } from 'vitest';
import { createAdmission, type Admission, type Ticket } from '../../../src/server/admission.ts';

const MIB = 1024 * 1024;

function all(admission: Admission, asked: { client: string; length?: number | undefined; reads?: boolean }): Ticket[] {
  const tickets: Ticket[] = [];
  for (;;) {
    const ticket = admission.admit({ reads: false, length: undefined, ...asked });
    if (ticket === undefined) return tickets;
    tickets.push(ticket);
  }
}

describe('admission', () => {
  test('counts requests and bytes, and gives each place back once', () => {
    const admission = createAdmission({ bytes: 10 * MIB, requests: 3, client: { requests: 3 } });
    const read = { client: 'a', length: 0, reads: true };
    const tickets = [admission.admit(read), admission.admit({ ...read, length: undefined }), admission.admit(read)];
    expect(tickets.every((ticket) => ticket !== undefined)).toBe(true);
    expect(admission.inFlight()).toEqual({ requests: 3, bytes: 3 * 128 * 1024 + MIB });
    expect(admission.admit(read)).toBeUndefined();
    tickets[0]?.release();
    tickets[0]?.release();
    expect(admission.inFlight().requests).toBe(2);
    expect(admission.admit(read)).toBeDefined();
    for (const ticket of tickets) ticket?.release();
    expect(admission.inFlight().requests).toBe(1);
  });

  test('is bounded by bytes, whatever the size of an object', () => {
    const admission = createAdmission({ bytes: 4 * MIB, requests: 1000, client: { bytes: 4 * MIB } });
    expect(all(admission, { client: 'a', length: 5 * 1024 ** 3 })).toHaveLength(3);
    expect(admission.inFlight().bytes).toBeLessThanOrEqual(4 * MIB);
  });

  test('leaves a quarter to others, in requests and in bytes, and gives the share back', () => {
    const byRequests = createAdmission({ bytes: 1024 * MIB, requests: 100 });
    const held = all(byRequests, { client: 'heavy', length: 0, reads: true });
    expect(held).toHaveLength(75);
    expect(all(byRequests, { client: 'other', length: 0, reads: true })).toHaveLength(25);
    held[0]?.release();
    expect(byRequests.admit({ client: 'heavy', length: 0, reads: true })).toBeDefined();
    const byBytes = createAdmission({ bytes: 32 * MIB, requests: 10_000 });
    // 128 KiB for each request and its one byte: not quite three quarters of 256.
    expect(all(byBytes, { client: 'heavy', length: 1 })).toHaveLength(191);
    expect(byBytes.admit({ client: 'other', length: 1, reads: false })).toBeDefined();
  });

  test('takes a smaller share of one client by configuration', () => {
    const admission = createAdmission({ bytes: 1024 * MIB, requests: 100, client: { requests: 2, bytes: 300 * 1024 } });
    expect(all(admission, { client: 'a', length: 0 })).toHaveLength(2);
    expect(all(admission, { client: 'b', length: 100 * 1024 })).toHaveLength(1);
  });

  test('keeps an eighth for reads, however many clients write', () => {
    const admission = createAdmission({ bytes: 1024 * MIB, requests: 80 });
    const writes = ['a', 'b', 'c'].flatMap((client) => all(admission, { client, length: 1 }));
    expect(writes).toHaveLength(70);
    expect(all(admission, { client: 'd', length: 0, reads: true })).toHaveLength(10);
  });

  test('never refuses for ever whom the whole would allow', () => {
    const admission = createAdmission({ bytes: 1.25 * MIB, requests: 10 });
    const ticket = admission.admit({ client: 'a', length: undefined, reads: false });
    expect(ticket).toBeDefined();
    ticket?.release();
    expect(admission.inFlight()).toEqual({ requests: 0, bytes: 0 });
  });
});
