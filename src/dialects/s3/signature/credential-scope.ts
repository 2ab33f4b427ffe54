/** A SigV4 credential: who, and for which day, region and service the signing key was derived. */
export interface CredentialScope {
  readonly accessKeyId: string;
  /** `20261121` */
  readonly date: string;
  readonly region: string;
  /** `date/region/s3/aws4_request`, as it is signed. */
  readonly text: string;
}

export type ScopeOutcome =
  { readonly ok: true; readonly scope: CredentialScope } | { readonly ok: false; readonly problem: string };

const SERVICE = 's3';
const TERMINATOR = 'aws4_request';

/** Parses `<key>/<date>/<region>/s3/aws4_request`; the key itself may hold slashes. `problem` is in AWS's words. */
export function parseCredential(credential: string): ScopeOutcome {
  const parts = credential.split('/');
  const [date, region, service, terminator] = parts.slice(-4);
  const accessKeyId = parts.slice(0, -4).join('/');
  if (
    date === undefined ||
    region === undefined ||
    service === undefined ||
    terminator === undefined ||
    accessKeyId === ''
  )
    return refused(`the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/${TERMINATOR}".`);
  if (!/^\d{8}$/.test(date))
    return refused(`incorrect date format "${date}". This date in the credential must be in the format "yyyyMMdd".`);
  if (!/^[A-Za-z0-9-]{1,64}$/.test(region)) return refused('the region of the credential is malformed.');
  if (service !== SERVICE) return refused(`incorrect service "${service}". This endpoint belongs to "${SERVICE}".`);
  if (terminator !== TERMINATOR)
    return refused(`incorrect terminal "${terminator}". This endpoint uses "${TERMINATOR}".`);
  return { ok: true, scope: { accessKeyId, date, region, text: scopeText(date, region) } };
}

/** The scope as it stands in the string to sign. */
export function scopeText(date: string, region: string): string {
  return `${date}/${region}/${SERVICE}/${TERMINATOR}`;
}

function refused(problem: string): ScopeOutcome {
  return { ok: false, problem };
}
