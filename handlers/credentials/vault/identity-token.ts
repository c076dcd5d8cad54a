/** The identity token that a vault is logged in to with. The function asks for exactly this, and its role allows nothing else. */

/** The shortest that leaves time for one run: a token is used to log in at once, and never kept. */
export const identityTokenSeconds = 300;
/** The algorithm that every OpenID Connect client knows (OpenID Connect Core section 15.1). */
export const identityTokenSigning = 'RS256';
