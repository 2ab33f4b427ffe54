import type { GatewayError } from '../model/errors.ts';
import type { Denial, RuleRef } from './decision.ts';
import type { Obstacle } from './feasibility.ts';

/** 403, naming the rule and what it says; no path of the gateway's files reaches a client. */
export function forbidden(rule: RuleRef, reason: string): Denial {
  return {
    effect: 'deny',
    code: 'AccessDenied',
    message: `Access denied by policy rule "${rule.name}": ${reason}.`,
    rule,
    reason,
  };
}

/** A bucket that no rule matches, or a client without a grant: the vendors' bare sentence. */
export function accessDenied(rule: RuleRef | undefined, reason: string): Denial {
  return { effect: 'deny', code: 'AccessDenied', message: 'Access Denied', rule, reason };
}

/** HTTPS only. Alibaba: 403 AccessDenied with EC 0003-00000101; S3 and JD: their bare AccessDenied. */
export function insecure(rule: RuleRef | undefined, reason: string): Denial {
  return {
    ...accessDenied(rule, reason),
    ec: '0003-00000101',
    wording: { oss: 'Access denied by bucket policy.' },
  };
}

/** 400 in the words that the wish's own decoder found. */
export function illFormedWish(rule: RuleRef, error: GatewayError): Denial {
  return {
    effect: 'deny',
    code: error.code,
    message: error.message,
    rule,
    reason: 'the encryption headers are not well formed',
    details: Object.fromEntries(Object.entries(error.details).map(([name, value]) => [name, String(value)])),
    ...(error.ec === undefined ? {} : { ec: error.ec }),
    wording: error.wording,
  };
}

/** Alibaba: 0005-00000208 for an unknown key id, 0005-00000205 for an empty one. */
export function unknownKey(rule: RuleRef, id: string): Denial {
  return {
    effect: 'deny',
    code: 'KMS.NotFoundException',
    message: `Invalid keyId '${id}'`,
    rule,
    reason: id === '' ? 'the key id is empty' : `no key is named ${id}`,
    ec: id === '' ? '0005-00000205' : '0005-00000208',
    wording: { oss: 'The specified parameter KMS keyId is not valid.' },
  };
}

/** AWS: SSE-C over plain HTTP is always refused. */
export function customerKeyInClear(rule: RuleRef): Denial {
  return {
    effect: 'deny',
    code: 'InvalidRequest',
    message:
      'Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.',
    rule,
    reason: "a customer's key came over plain HTTP",
  };
}

/** A client whose dialect has no customer's keys. */
export function customerKeyUnknownHere(rule: RuleRef): Denial {
  return {
    effect: 'deny',
    code: 'InvalidArgument',
    message: 'Server Side Encryption with Customer provided keys is not supported.',
    rule,
    reason: "this client's dialect has no customer's keys",
  };
}

/** What neither the store nor the gateway can do. Nothing is rounded down, nothing is sent. */
export function infeasible(rule: RuleRef, obstacle: Obstacle, what: string, origin: 'policy' | 'request'): Denial {
  const reason = `${what} is not possible: ${obstacle.reason}`;
  if (obstacle.cause === 'algorithm')
    return {
      effect: 'deny',
      code: 'InvalidArgument',
      codes: { oss: 'InvalidEncryptionAlgorithmError' },
      message: 'The encryption method specified is not supported',
      wording: { oss: 'The encryption algorithm specified is not valid.' },
      ec: '0005-00000003',
      rule,
      reason,
    };
  return {
    effect: 'deny',
    // The client cannot mend what the policy demands by itself: not its argument is wrong.
    code: origin === 'policy' ? 'NotImplemented' : 'InvalidArgument',
    message: `The encryption is not available for this bucket: ${obstacle.reason}.`,
    rule,
    reason,
  };
}
