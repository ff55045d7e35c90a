/* credentials.h - who may use the admin API, and as what. The owner's credential is the file `admin.key` beside the ledger, made at the first
 * start; the others are in `admin.tokens`, by their digests. Both have mode 0600. */
#ifndef ADMIN_CREDENTIALS_H
#define ADMIN_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/text.h"

#define CREDENTIALS_KEY "admin.key"
#define CREDENTIALS_FILE "admin.tokens"
enum { CREDENTIALS_SECRET = 64 };

enum role {
    ROLE_VIEWER = 1,    /* reads */
    ROLE_KEY_MAKER = 2, /* makes keys of its own team, never with more than it has itself */
    ROLE_OPERATOR = 4,  /* all but credentials */
    ROLE_OWNER = 8,
};
#define ROLES_ALL 15u

/* "viewer", "key_maker", "operator", "owner". Static. */
const char *role_name(enum role role);
/* 0: there is none of that name. */
unsigned role_of(struct text name);

/* Who asks. In the arena that was given. */
struct caller {
    struct text name;
    enum role role;
    struct text team;    /* it sees and changes nothing else; absent: any */
    int64_t budget_nano; /* most that a key of its making may spend; -1: what its team has */
    int64_t expires_ms;  /* 0: never; no key of its making outlives it */
    struct text *models; /* that a key of its making may have; none: those of its team */
    size_t model_count;
};

struct credentials;

/* `folder` is kept. Makes admin.key where there is none: *made. NULL with `fail` (FAIL_OPERATOR): a credential that is short, or an example
 * of a documentation, or readable by others. Given. */
struct credentials *credentials_open(const char *folder, bool *made, struct fail *fail);
void credentials_close(struct credentials *credentials);
/* Whose is it? What is changed in the files counts at once. False: nobody's, or one that has expired. Any thread. */
bool credentials_find(struct credentials *credentials, struct text shown, struct arena *arena, struct caller *caller);

/* What a new one is; all but name and role may be absent. */
struct credential {
    struct text name, role, team, budget, expires;
    const struct json *models; /* an array of strings; NULL */
};
/* Could it be made? -1 with `fail`, as below. Nothing is changed. */
int credentials_check(const char *folder, const struct credential *credential, struct fail *fail);
bool credentials_has(const char *folder, struct text name);
/* Adds it and gives its secret, which is shown this once. -1 with `fail` (FAIL_CLIENT: status 400 or 409, or FAIL_OPERATOR). */
int credentials_create(const char *folder, const struct credential *credential, char secret[CREDENTIALS_SECRET],
                       struct fail *fail);
/* -1 with `fail`: there is none of that name (status 404). */
int credentials_revoke(const char *folder, struct text name, struct fail *fail);
/* An array of all but the owner's, without digests. -1 with `fail`. */
int credentials_write(const char *folder, struct json_writer *w, struct fail *fail);

#endif
