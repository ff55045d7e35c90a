/* sealed.h - the format of a file of captures: a head, and records that are sealed one by one with AES-256-GCM. The key of a file is made of
 * the key of the folder and of what the file's head has by chance; the nonce is the record's number. Any thread. */
#ifndef CAPTURE_SEALED_H
#define CAPTURE_SEALED_H

#include "base/buf.h"
#include "base/crypto.h"
#include "base/fail.h"

enum sealed_kind { SEALED_REQUEST = 1, SEALED_ANSWER = 2, SEALED_ROUTE = 3 }; /* ROUTE + n: of attempt n + 1 */
#define SEALED_ROUTES 5
#define SEALED_KINDS (SEALED_ROUTE + SEALED_ROUTES)
#define SEALED_ID 36u                 /* characters of a request's id: it stands open */
#define SEALED_HEAD 48u               /* bytes of a file's head */
#define SEALED_FRAME 41u              /* bytes before a record: kind, id, length of what is sealed */
#define SEALED_MOST ((size_t)2 << 20) /* bytes of a record, open */

/* One file that is written or read. */
struct sealed {
    uint8_t key[CRYPTO_KEY_LEN];
    uint64_t number; /* of the next record, from 0 */
};

struct sealed_frame {
    enum sealed_kind kind;
    struct text id;
    size_t len; /* of what follows, its tag included */
};

/* The key of the folder: capture.key beside the ledger's journal, for this user alone. `make`: where there is none it is made. 0, 1 where
 * there is none, or -1 with `fail`. */
int sealed_key(const char *ledger, bool make, uint8_t key[CRYPTO_KEY_LEN], struct fail *fail);
/* A new file: writes its head. */
void sealed_begin(struct sealed *s, const uint8_t key[CRYPTO_KEY_LEN], char head[SEALED_HEAD]);
/* One that is there. NULL, or what is wrong with it, static. */
const char *sealed_open(struct sealed *s, const uint8_t key[CRYPTO_KEY_LEN], const char head[SEALED_HEAD]);
/* The next record, its frame before it, appended. `id` has SEALED_ID characters, `open` at most SEALED_MOST bytes. -1: `out` has no room. */
int sealed_put(struct sealed *s, enum sealed_kind kind, struct text id, struct text open, struct buf *out);
/* Reads a frame; its id points into `bytes`. False: it is none. */
bool sealed_frame(const char bytes[SEALED_FRAME], struct sealed_frame *frame);
/* Opens record `number`: `bytes` are its frame and what follows. 0 and the text in `out` (frame->len bytes are enough), or -1. */
int sealed_get(const struct sealed *s, uint64_t number, struct text bytes, char *out, size_t *len);

#endif
