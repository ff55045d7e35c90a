/* trust.h - the authorities that a TLS connection trusts, read once for all connections. Any thread. */
#ifndef BASE_TRUST_H
#define BASE_TRUST_H

#include <stdbool.h>

/* Makes a connection-to-be trust the authorities of the PEM file `path` (lent) and no others. `ssl_ctx` is OpenSSL's
 * SSL_CTX, as libcurl hands it out. The file is read at the first call, and again when it has changed since: 145
 * authorities take 10 ms to read and 0.8 MB to hold. 0, or -1 when it cannot be read or has no certificate. */
int trust_file(void *ssl_ctx, const char *path);

/* Has the peer of this connection (OpenSSL's SSL) sent TLS's own close? Where it closed without, its last bytes may have
 * been cut (RFC 9112 §9.8). */
bool trust_saw_close(void *ssl);

#endif
