/** How long a token of AWS that proves who a function is lasts, and how it is signed: IAM pins both, so functions and their policies share it. */

/** The shortest that leaves time for a batch of messages: the token is used and renewed, never kept. */
export const identityTokenSeconds = 300;
/** The algorithm that every OpenID Connect client knows (OpenID Connect Core section 15.1). */
export const identityTokenSigning = 'RS256';
