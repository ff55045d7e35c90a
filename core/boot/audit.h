/* audit.h - who changed what of keys, teams, credentials and the running gateway: one line of JSON for each change, in `audit.jsonl` beside
 * the ledger (mode 0600). Each line has the digest of the line before it, so that one that is changed or gone is found; `audit.head` has the
 * number and the digest of the last one, so that lines that are gone at the end are found too. Any thread, and several processes. */
#ifndef BOOT_AUDIT_H
#define BOOT_AUDIT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/fail.h"
#include "base/text.h"

#define AUDIT_FILE "audit.jsonl"
#define AUDIT_HEAD "audit.head"
enum { AUDIT_LINE_MOST = 256 << 10 };

/* One change; all is lent. */
struct audit_entry {
    struct text who;      /* name of the credential, or of the user of the machine */
    struct text role;     /* "owner", "operator", ...; "shell": a command */
    struct text address;  /* where the request came from; "local" */
    struct text action;   /* "keys.create" */
    struct text target;   /* name of what is changed */
    struct text from, to; /* JSON values without any secret; absent: null */
};

/* Appends a line, and returns when it is on the disk. -1 with `fail` (FAIL_OPERATOR): then do not make the change. */
int audit_append(const char *folder, const struct audit_entry *entry, struct fail *fail);
/* The user who runs this process, as text in `arena`, for commands. */
struct text audit_user(struct arena *arena);

struct audit_verdict {
    uint64_t lines;                       /* that are good, from the first one on */
    char head[2 * CRYPTO_SHA256_LEN + 1]; /* the digest of the last of them */
    char problem[256];                    /* "" where all is as it was written */
};
/* Looks at every line. -1 with `fail`: it cannot be read. No file is no line. */
int audit_verify(const char *folder, struct audit_verdict *verdict, struct fail *fail);
/* All lines, appended as they are. -1 with `fail`. */
int audit_read(const char *folder, struct buf *out, struct fail *fail);

#endif
