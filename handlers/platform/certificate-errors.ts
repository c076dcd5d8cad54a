/** Why a server's certificate is not trusted, by the codes of OpenSSL's verification and Node's check of the name ("TLS (SSL)", "X509 certificate error codes"). */
export const certificateErrors: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by another CA',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by another CA',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by another CA',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is signed by another CA',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by another CA',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};
