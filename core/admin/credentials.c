/* credentials.c - the credentials in their files, and who shows one. */
#include "admin/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "boot/date.h"
#include "boot/key_line.h"
#include "money/nano.h"

#define CREDENTIALS_MAGIC 0x63726564u
enum { FILE_MOST = 4 << 20, ARENA_MOST = 64 << 20, LEAST_LEN = 32, LEAST_LETTERS = 12, NAME_MOST = 100 };

struct credentials {
    uint32_t magic;
    const char *folder;
    pthread_mutex_t lock;
    struct arena arena; /* of what was read */
    struct stat key_stat, list_stat;
    uint8_t owner[CRYPTO_SHA256_LEN];
    bool has_owner;
    const struct json *list; /* NULL: there are none */
};

static const struct {
    enum role role;
    const char *name;
} roles[] = {
    { ROLE_VIEWER, "viewer" }, { ROLE_KEY_MAKER, "key_maker" }, { ROLE_OPERATOR, "operator" }, { ROLE_OWNER, "owner" }
};

const char *role_name(enum role role)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (roles[i].role == role)
            return roles[i].name;
    return "";
}

unsigned role_of(struct text name)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (text_is(name, roles[i].name))
            return roles[i].role;
    return 0;
}

static char *path_of(const char *folder, const char *name)
{
    char *path = NULL;
    BUG_IF(asprintf(&path, "%s/%s", folder, name) < 0);
    return path;
}

/* ---- the owner's ---- */

/* What is wrong with it; NULL: nothing. */
static const char *problem_of(struct text key)
{
    bool seen[256] = { false };
    size_t letters = 0;
    for (size_t i = 0; i < key.len; i++) {
        letters += !seen[(unsigned char)key.ptr[i]];
        seen[(unsigned char)key.ptr[i]] = true;
        if ((unsigned char)key.ptr[i] <= ' ' || (unsigned char)key.ptr[i] >= 0x7f)
            return "has a blank or a byte that is not ASCII in it";
        if (text_starts_nocase((struct text){ key.ptr + i, key.len - i }, TEXT("example")))
            return "is an example of the documentation";
    }
    if (key.len < LEAST_LEN)
        return "is shorter than 32 characters";
    return letters < LEAST_LETTERS ? "has hardly a different character in it" : NULL;
}

static int make_key(const char *path, struct fail *fail)
{
    char secret[KEY_LINE_SECRET], digest[KEY_LINE_DIGEST], line[KEY_LINE_SECRET + 1];
    key_line_make("gw-admin-", secret, digest);
    int len = snprintf(line, sizeof line, "%s\n", secret);
    int result = file_replace(path, (struct text){ line, (size_t)len });
    if (result < 0)
        fail_set(fail, FAIL_OPERATOR, "the admin credential %s cannot be written: %s", path, strerror(errno));
    crypto_wipe(secret, sizeof secret);
    crypto_wipe(line, sizeof line);
    return result;
}

/* Its digest. */
static int read_key(const char *path, uint8_t digest[CRYPTO_SHA256_LEN], struct fail *fail)
{
    struct buf text;
    struct stat st;
    buf_init(&text, 4096);
    if (file_read(path, &text) < 0 || stat(path, &st) < 0) {
        fail_set(fail, FAIL_OPERATOR, "the admin credential %s cannot be read: %s", path, strerror(errno));
        buf_free(&text);
        return -1;
    }
    struct text key = text_trim(buf_view(&text));
    while (key.len > 0 && (key.ptr[key.len - 1] == '\n' || key.ptr[key.len - 1] == '\r'))
        key.len--;
    const char *problem = problem_of(key);
    crypto_sha256(key, digest);
    if (text.ptr != NULL)
        crypto_wipe(text.ptr, text.cap);
    buf_free(&text);
    if (problem != NULL)
        return fail_set(fail, FAIL_OPERATOR,
                        "the admin credential in %s %s: remove the file, and the next start makes one", path, problem);
    if ((st.st_mode & 077) != 0)
        return fail_set(fail, FAIL_OPERATOR, "others may read the admin credential %s: chmod 600 %s", path, path);
    return 0;
}

/* ---- the list ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* An array, in `arena`; NULL where there is no file. -1 with `fail`. */
static int read_list(const char *folder, struct arena *arena, const struct json **list, struct fail *fail)
{
    char *path = path_of(folder, CREDENTIALS_FILE);
    struct buf text;
    int result = 0;
    *list = NULL;
    buf_init(&text, FILE_MOST);
    if (file_read(path, &text) == 0) {
        *list = json_parse(arena, arena_text(arena, buf_view(&text)), fail);
        if (json_type(*list) != JSON_T_ARRAY)
            result = fail_set(fail, FAIL_OPERATOR,
                              "%s is no list of credentials: restore it, or remove it to revoke all", path);
    } else if (errno != ENOENT) {
        result = fail_set(fail, FAIL_OPERATOR, "%s cannot be read: %s", path, strerror(errno));
    }
    buf_free(&text);
    free(path);
    return result;
}

/* Both files as they are now. A file that cannot be read admits nobody. */
static void refresh(struct credentials *c)
{
    struct stat key = { 0 }, list = { 0 };
    struct fail fail;
    char *key_path = path_of(c->folder, CREDENTIALS_KEY), *list_path = path_of(c->folder, CREDENTIALS_FILE);
    if (stat(key_path, &key) < 0)
        key = (struct stat){ 0 };
    if (stat(list_path, &list) < 0)
        list = (struct stat){ 0 };
    if (!same_file(&key, &c->key_stat)) {
        c->has_owner = read_key(key_path, c->owner, &fail) == 0;
        c->key_stat = key;
    }
    if (!same_file(&list, &c->list_stat)) {
        arena_reset(&c->arena);
        if (read_list(c->folder, &c->arena, &c->list, &fail) < 0)
            c->list = NULL;
        c->list_stat = list;
    }
    free(key_path);
    free(list_path);
}

struct credentials *credentials_open(const char *folder, bool *made, struct fail *fail)
{
    uint8_t digest[CRYPTO_SHA256_LEN];
    const struct json *list;
    char *path = path_of(folder, CREDENTIALS_KEY);
    struct arena arena;
    *made = access(path, F_OK) != 0;
    arena_init(&arena, NULL, 0, ARENA_MOST);
    bool good = (!*made || make_key(path, fail) == 0) && read_key(path, digest, fail) == 0 &&
                read_list(folder, &arena, &list, fail) == 0;
    arena_fini(&arena);
    free(path);
    if (!good)
        return NULL;
    struct credentials *c = calloc(1, sizeof *c);
    BUG_IF(c == NULL);
    c->magic = CREDENTIALS_MAGIC;
    c->folder = folder;
    pthread_mutex_init(&c->lock, NULL);
    arena_init(&c->arena, NULL, 0, ARENA_MOST);
    refresh(c);
    return c;
}

void credentials_close(struct credentials *c)
{
    CHECK(c, CREDENTIALS);
    arena_fini(&c->arena);
    pthread_mutex_destroy(&c->lock);
    crypto_wipe(c->owner, sizeof c->owner);
    c->magic = 0;
    free(c);
}

static void take(const struct json *row, struct arena *arena, struct caller *caller)
{
    const struct json *models = json_member(row, "models");
    struct text budget = json_str(json_member(row, "budget")), expires = json_str(json_member(row, "expires"));
    *caller = (struct caller){ .name = arena_text(arena, json_str(json_member(row, "name"))),
                               .role = (enum role)role_of(json_str(json_member(row, "role"))),
                               .team = arena_text(arena, json_str(json_member(row, "team"))),
                               .budget_nano = -1 };
    if (budget.ptr != NULL && nano_parse(budget, &caller->budget_nano) < 0)
        caller->budget_nano = 0;
    if (expires.ptr != NULL && date_parse(expires, &caller->expires_ms) < 0)
        caller->expires_ms = 1;
    caller->model_count = json_count(models);
    caller->models = arena_array(arena, struct text, caller->model_count);
    for (size_t i = 0; i < caller->model_count; i++)
        caller->models[i] = arena_text(arena, json_str(json_at(models, i)));
}

bool credentials_find(struct credentials *c, struct text shown, struct arena *arena, struct caller *caller)
{
    uint8_t digest[CRYPTO_SHA256_LEN], other[CRYPTO_SHA256_LEN];
    bool found = false;
    CHECK(c, CREDENTIALS);
    crypto_sha256(shown, digest);
    pthread_mutex_lock(&c->lock);
    refresh(c);
    if (c->has_owner && crypto_equal(digest, c->owner, sizeof digest)) {
        *caller = (struct caller){ .name = TEXT("owner"), .role = ROLE_OWNER, .budget_nano = -1 };
        found = true;
    }
    for (size_t i = 0; i < json_count(c->list) && !found; i++) {
        const struct json *row = json_at(c->list, i);
        if (crypto_parse_hex(json_str(json_member(row, "sha256")), other, sizeof other) == 0 &&
            crypto_equal(digest, other, sizeof digest)) {
            take(row, arena, caller);
            found = caller->role != 0 && (caller->expires_ms == 0 || caller->expires_ms > clock_unix_ms());
            break;
        }
    }
    pthread_mutex_unlock(&c->lock);
    return found;
}

/* ---- changes ---- */

static const struct json *find_row(const struct json *list, struct text name)
{
    for (size_t i = 0; i < json_count(list); i++)
        if (text_eq(json_str(json_member(json_at(list, i), "name")), name))
            return json_at(list, i);
    return NULL;
}

static int refuse(struct fail *fail, int status, const char *text)
{
    fail_set(fail, FAIL_CLIENT, "%s", text);
    fail->status = status;
    fail->code = status == 404 ? "not_found" : status == 409 ? "exists" : "invalid_body";
    return -1;
}

static int check(const struct credential *n, const struct json *list, struct fail *fail)
{
    int64_t number;
    unsigned role = role_of(n->role);
    if (n->name.len == 0 || n->name.len > NAME_MOST || !text_is_utf8(n->name) || text_is(n->name, "owner"))
        return refuse(fail, 400, "a credential has a name of 1 to 100 bytes, other than \"owner\"");
    if (role == 0)
        return refuse(fail, 400, "a role is viewer, key_maker, operator or owner");
    if (role == ROLE_KEY_MAKER && n->team.len == 0)
        return refuse(fail, 400, "a key_maker makes keys of one team: name it");
    if (role >= ROLE_OPERATOR && n->team.len > 0)
        return refuse(fail, 400, "a team is for viewer and key_maker: an operator or owner has all");
    if (role != ROLE_KEY_MAKER && (n->budget.ptr != NULL || json_count(n->models) > 0))
        return refuse(fail, 400, "budget and models bound the keys of a key_maker, and nobody else's");
    if (n->team.ptr != NULL && n->team.len == 0)
        return refuse(fail, 400, "the team is empty: name one, or leave it out");
    if (n->models != NULL && json_count(n->models) == 0)
        return refuse(fail, 400, "the list of models is empty: name some, or leave it out for all that the team may");
    if (n->budget.ptr != NULL && nano_parse(n->budget, &number) < 0)
        return refuse(fail, 400, "budget takes US dollars as text, such as \"20\" or \"0.50\"");
    if (n->expires.ptr != NULL && date_parse(n->expires, &number) < 0)
        return refuse(fail, 400, "expires takes \"2026-12-31\" or \"2026-12-31T18:00:00Z\"");
    if (find_row(list, n->name) != NULL)
        return refuse(fail, 409, "there is a credential of that name already: revoke it first, or take another name");
    return 0;
}

static void put(struct json_writer *w, const char *name, struct text value)
{
    if (value.ptr == NULL)
        return;
    json_key_plain(w, text_of(name));
    json_put_str(w, value);
}

static void put_new(struct json_writer *w, const struct credential *n, const char *digest)
{
    char now[25];
    clock_rfc3339(clock_unix_ms(), now);
    json_object(w);
    put(w, "name", n->name);
    put(w, "role", n->role);
    put(w, "team", n->team);
    put(w, "budget", n->budget);
    put(w, "expires", n->expires);
    if (json_count(n->models) > 0) {
        json_name(w, "models");
        json_put_json(w, n->models);
    }
    put(w, "made", text_of(now));
    put(w, "sha256", text_of(digest));
    json_close(w);
}

/* The list without `gone`, with `n`. */
static int replace(const char *folder, const struct json *list, const struct json *gone, const struct credential *n,
                   const char *digest, struct fail *fail)
{
    char *path = path_of(folder, CREDENTIALS_FILE);
    struct json_writer w;
    struct buf out;
    buf_init(&out, FILE_MOST);
    json_writer_init(&w, &out);
    json_array(&w);
    for (size_t i = 0; i < json_count(list); i++)
        if (json_at(list, i) != gone)
            json_put_json(&w, json_at(list, i));
    if (n != NULL)
        put_new(&w, n, digest);
    json_close(&w);
    errno = EFBIG;
    int result = json_end(&w) == 0 && buf_str(&out, "\n") == 0 ? file_replace(path, buf_view(&out)) : -1;
    if (result < 0)
        fail_set(fail, FAIL_OPERATOR, "%s cannot be written: %s", path, strerror(errno));
    buf_free(&out);
    free(path);
    return result;
}

/* Nobody else changes the list meanwhile. -1 with `fail`: somebody does, and does not end. */
static int lock_folder(const char *folder, struct fail *fail)
{
    enum { TRIES = 300, PAUSE_MS = 100 };
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && i < TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return fd;
        poll(NULL, 0, PAUSE_MS);
    }
    if (fd >= 0)
        close(fd);
    return fail_set(fail, FAIL_OPERATOR, "%s cannot be locked: another command changes it", folder);
}

int credentials_check(const char *folder, const struct credential *n, struct fail *fail)
{
    const struct json *list;
    struct arena arena;
    arena_init(&arena, NULL, 0, ARENA_MOST);
    int result = read_list(folder, &arena, &list, fail);
    if (result == 0)
        result = check(n, list, fail);
    arena_fini(&arena);
    return result;
}

bool credentials_has(const char *folder, struct text name)
{
    const struct json *list;
    struct arena arena;
    struct fail fail;
    arena_init(&arena, NULL, 0, ARENA_MOST);
    bool has = read_list(folder, &arena, &list, &fail) == 0 && find_row(list, name) != NULL;
    arena_fini(&arena);
    return has;
}

int credentials_create(const char *folder, const struct credential *n, char secret[CREDENTIALS_SECRET],
                       struct fail *fail)
{
    char digest[KEY_LINE_DIGEST];
    const struct json *list;
    struct arena arena;
    _Static_assert((int)CREDENTIALS_SECRET == (int)KEY_LINE_SECRET, "one length");
    key_line_make("gw-admin-", secret, digest);
    int fd = lock_folder(folder, fail);
    if (fd < 0)
        return -1;
    arena_init(&arena, NULL, 0, ARENA_MOST);
    int result = read_list(folder, &arena, &list, fail);
    if (result == 0)
        result = check(n, list, fail);
    if (result == 0)
        result = replace(folder, list, NULL, n, digest, fail);
    arena_fini(&arena);
    close(fd);
    return result;
}

int credentials_revoke(const char *folder, struct text name, struct fail *fail)
{
    const struct json *list;
    struct arena arena;
    int fd = lock_folder(folder, fail);
    if (fd < 0)
        return -1;
    arena_init(&arena, NULL, 0, ARENA_MOST);
    int result = read_list(folder, &arena, &list, fail);
    const struct json *row = result == 0 ? find_row(list, name) : NULL;
    if (result == 0 && row == NULL)
        result = refuse(fail, 404, "there is no credential of that name");
    if (result == 0)
        result = replace(folder, list, row, NULL, NULL, fail);
    arena_fini(&arena);
    close(fd);
    return result;
}

int credentials_write(const char *folder, struct json_writer *w, struct fail *fail)
{
    const struct json *list;
    struct arena arena;
    arena_init(&arena, NULL, 0, ARENA_MOST);
    int result = read_list(folder, &arena, &list, fail);
    json_array(w);
    for (size_t i = 0; result == 0 && i < json_count(list); i++) {
        const struct json *row = json_at(list, i);
        json_object(w);
        for (size_t m = 0; m < json_count(row); m++) {
            struct text key = json_key_at(row, m);
            if (text_is(key, "sha256"))
                continue;
            json_key(w, key);
            json_put_json(w, json_at(row, m));
        }
        json_close(w);
    }
    json_close(w);
    arena_fini(&arena);
    return result;
}
