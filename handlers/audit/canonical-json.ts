/** The trail's records are canonical JSON: the one form is the platform's, as reports have it too. */
export { canonicalJson, type JsonValue, sha256 } from '../platform/canonical-json.ts';
