/** Where a token may travel: https, and http only within the machine (RFC 6750 section 5.3). */
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Whether it is such a URL, without user, query and fragment. */
export function isTokenSafeUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || url.username || url.password || url.search || url.hash) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && loopback.test(url.hostname));
}
