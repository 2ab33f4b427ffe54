/**
 * A host as it is compared, made from the value of `Host`: lower case, without the port, and without the dot that ends a
 * fully qualified name (RFC 1034 3.1). An IPv6 literal keeps its brackets.
 */
export function hostName(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '').replace(/\.+$/, '');
}
