/** A comma-separated list without one of its tokens; what else stands there keeps its order and spelling. Undefined when nothing is left. */
export function withoutToken(list: string, token: string): string | undefined {
  const items = list.split(',');
  const kept = items.filter((item) => item.trim().toLowerCase() !== token);
  if (kept.length === items.length) return list;
  const text = kept.join(',').trim();
  return text === '' ? undefined : text;
}
