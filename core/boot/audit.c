/* audit.c - a chain of lines: appended under a lock, verified from the first one on. */
#include "boot/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"

enum { FILE_MOST = 1 << 30, HASH_TEXT = 2 * CRYPTO_SHA256_LEN + 1, ARENA_MOST = 4 << 20 };

/* Where the chain stands: what the next line follows. */
struct chain {
    uint64_t number;
    char hash[HASH_TEXT]; /* of the last line; "" before the first */
};

static char *path_of(const char *folder, const char *name)
{
    char *path = NULL;
    BUG_IF(asprintf(&path, "%s/%s", folder, name) < 0);
    return path;
}

static void hash_of(struct text bytes, char out[HASH_TEXT])
{
    uint8_t digest[CRYPTO_SHA256_LEN];
    crypto_sha256(bytes, digest);
    crypto_hex(digest, sizeof digest, out);
}

/* What its hash is of: the line up to its last member. */
#define HASH_MEMBER ",\"hash\":\""
static bool split_line(struct text line, struct text *content, struct text *hash)
{
    size_t tail = sizeof HASH_MEMBER - 1 + HASH_TEXT - 1 + 2; /* and `"}` */
    if (line.len < tail || !text_ends(line, TEXT("\"}")))
        return false;
    *content = (struct text){ line.ptr, line.len - tail };
    struct text rest = { line.ptr + content->len, tail };
    *hash = (struct text){ rest.ptr + sizeof HASH_MEMBER - 1, HASH_TEXT - 1 };
    return text_starts(rest, TEXT(HASH_MEMBER));
}

/* Is it the line that follows? Then the chain stands behind it; else `why` has what is wrong. */
static bool follows(struct chain *chain, struct text line, char *why, size_t size)
{
    struct text content, hash;
    struct arena arena;
    struct fail fail;
    char real[HASH_TEXT];
    if (!split_line(line, &content, &hash)) {
        snprintf(why, size, "is not as it was written");
        return false;
    }
    hash_of(content, real);
    if (!text_is(hash, real)) {
        snprintf(why, size, "was changed");
        return false;
    }
    arena_init(&arena, NULL, 0, ARENA_MOST);
    const struct json *row = json_parse(&arena, line, &fail);
    uint64_t number = (uint64_t)json_int(json_member(row, "n"), 0);
    bool good = number == chain->number + 1 && text_is(json_str(json_member(row, "previous")), chain->hash);
    if (!good)
        snprintf(why, size,
                 "has the number %" PRIu64 " and does not follow the one before it: lines are gone, or were put in",
                 number);
    arena_fini(&arena);
    if (good) {
        chain->number = number;
        memcpy(chain->hash, real, sizeof chain->hash);
    }
    return good;
}

/* "12 9f86d0..." */
static bool read_head(const char *folder, struct chain *head)
{
    char *path = path_of(folder, AUDIT_HEAD);
    struct buf text;
    buf_init(&text, 4096);
    int64_t number = -1;
    bool there = file_read(path, &text) == 0;
    struct text rest = text_trim(buf_view(&text)), first = text_cut(&rest, ' ');
    if (there && rest.len > 0 && rest.ptr[rest.len - 1] == '\n')
        rest.len--;
    bool good = there && text_parse_u63(first, &number) == 0 && rest.len == HASH_TEXT - 1;
    *head = (struct chain){ .number = good ? (uint64_t)number : 0 };
    if (good)
        memcpy(head->hash, rest.ptr, HASH_TEXT - 1);
    buf_free(&text);
    free(path);
    return good;
}

static int write_head(const char *folder, const struct chain *chain)
{
    char *path = path_of(folder, AUDIT_HEAD), line[HASH_TEXT + 32];
    int len = snprintf(line, sizeof line, "%" PRIu64 " %s\n", chain->number, chain->hash);
    int result = file_replace(path, (struct text){ line, (size_t)len });
    free(path);
    return result;
}

/* The last line of the file, in `out`. -1 with errno. */
static int read_last(int fd, struct buf *out, struct text *line)
{
    struct stat st;
    size_t room;
    if (fstat(fd, &st) < 0)
        return -1;
    off_t from = st.st_size > 2 * AUDIT_LINE_MOST ? st.st_size - 2 * AUDIT_LINE_MOST : 0;
    for (off_t at = from; at < st.st_size;) {
        char *to = buf_room(out, 1 << 16, &room);
        ssize_t got = to != NULL ? pread(fd, to, room, at) : -1;
        if (got <= 0)
            return -1;
        buf_added(out, (size_t)got);
        at += got;
    }
    struct text rest = buf_view(out);
    *line = TEXT_NONE;
    while (rest.len > 0) {
        struct text next = text_cut(&rest, '\n');
        if (rest.ptr == NULL) /* cut off by a crash: whoever wrote it has made no change yet */
            return ftruncate(fd, st.st_size - (off_t)next.len);
        *line = next;
    }
    return 0;
}

/* The chain goes on behind the last line that is there: what is gone or changed before it stays to be found by audit_verify(). */
static int find_end(int fd, struct chain *chain)
{
    struct buf tail;
    struct text line, content, hash;
    struct arena arena;
    struct fail fail;
    *chain = (struct chain){ .number = 0 };
    buf_init(&tail, 4 * AUDIT_LINE_MOST);
    int result = read_last(fd, &tail, &line);
    if (result == 0 && line.len > 0) {
        arena_init(&arena, NULL, 0, ARENA_MOST);
        bool good = split_line(line, &content, &hash);
        const struct json *row = good ? json_parse(&arena, line, &fail) : NULL;
        chain->number = (uint64_t)json_int(json_member(row, "n"), 0);
        if (good)
            memcpy(chain->hash, hash.ptr, HASH_TEXT - 1);
        arena_fini(&arena);
    }
    buf_free(&tail);
    return result;
}

static void put_json(struct json_writer *w, struct text json)
{
    if (json.ptr != NULL)
        json_put_raw(w, json);
    else
        json_put_null(w);
}

static int write_line(const struct audit_entry *e, struct chain *chain, struct buf *out)
{
    const struct {
        const char *name;
        struct text value;
    } texts[] = { { "who", e->who },
                  { "role", e->role },
                  { "address", e->address },
                  { "action", e->action },
                  { "target", e->target } };
    char stamp[25];
    struct json_writer w;
    clock_rfc3339(clock_unix_ms(), stamp);
    json_writer_init(&w, out);
    json_object(&w);
    json_name(&w, "n");
    json_put_int(&w, (int64_t)chain->number + 1);
    json_name(&w, "time");
    json_put_str(&w, text_of(stamp));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_key_plain(&w, text_of(texts[i].name));
        json_put_str(&w, texts[i].value);
    }
    json_name(&w, "from");
    put_json(&w, e->from);
    json_name(&w, "to");
    put_json(&w, e->to);
    json_name(&w, "previous");
    json_put_str(&w, text_of(chain->hash));
    json_close(&w);
    if (json_end(&w) < 0)
        return -1;
    buf_truncate(out, out->len - 1); /* the brace: the hash is a member too */
    hash_of(buf_view(out), chain->hash);
    chain->number++;
    return buf_printf(out, HASH_MEMBER "%s\"}\n", chain->hash);
}

static int append_locked(const char *folder, int fd, const struct audit_entry *entry)
{
    struct chain chain, head;
    struct buf line;
    struct stat st;
    if (find_end(fd, &chain) < 0 || fstat(fd, &st) < 0)
        return -1;
    /* What is gone at the end stays to be found. The head may be one behind: its file is written after the line. */
    if (read_head(folder, &head) && head.number >= chain.number)
        chain = head;
    buf_init(&line, AUDIT_LINE_MOST);
    errno = EMSGSIZE;
    int result = write_line(entry, &chain, &line);
    bool written = result == 0 && write(fd, line.ptr + line.start, line.len) == (ssize_t)line.len &&
                   fdatasync(fd) == 0 && write_head(folder, &chain) == 0;
    if (result == 0 && !written) { /* nobody made the change: the line goes, too */
        int why = errno;
        if (ftruncate(fd, st.st_size) < 0)
            log_line(LOG_ERROR, "%s/" AUDIT_FILE " has a line of a change that was not made: %s", folder,
                     strerror(errno));
        errno = why;
        result = -1;
    }
    buf_free(&line);
    return result;
}

/* A command of root must not keep the gateway out of the log: the files are its folder's owner's. */
static void give_to_owner(const char *folder, const char *path)
{
    char *head = path_of(folder, AUDIT_HEAD);
    struct stat st;
    if (geteuid() == 0 && stat(folder, &st) == 0 && st.st_uid != 0 &&
        (chown(path, st.st_uid, st.st_gid) < 0 || chown(head, st.st_uid, st.st_gid) < 0))
        log_line(LOG_WARN, "%s cannot be given to the owner of its folder: %s", path, strerror(errno));
    free(head);
}

int audit_append(const char *folder, const struct audit_entry *entry, struct fail *fail)
{
    char *path = path_of(folder, AUDIT_FILE);
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int result = fd >= 0 && flock(fd, LOCK_EX) == 0 ? append_locked(folder, fd, entry) : -1;
    if (result == 0)
        give_to_owner(folder, path);
    if (result < 0)
        fail_set(fail, FAIL_OPERATOR, "%s cannot be written (%s), and nothing is changed that is not recorded there",
                 path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(path);
    return result;
}

struct text audit_user(struct arena *arena)
{
    struct passwd *user = getpwuid(getuid());
    return text_of(user != NULL ? arena_printf(arena, "%s", user->pw_name)
                                : arena_printf(arena, "uid %u", (unsigned)getuid()));
}

int audit_read(const char *folder, struct buf *out, struct fail *fail)
{
    char *path = path_of(folder, AUDIT_FILE);
    int result = file_read(path, out) < 0 && errno != ENOENT ? -1 : 0;
    if (result < 0)
        fail_set(fail, FAIL_OPERATOR, "%s cannot be read: %s", path, strerror(errno));
    free(path);
    return result;
}

int audit_verify(const char *folder, struct audit_verdict *verdict, struct fail *fail)
{
    struct chain chain = { .number = 0 }, head;
    struct buf all;
    char why[160];
    *verdict = (struct audit_verdict){ .lines = 0 };
    bool has_head = read_head(folder, &head); /* first: a line that comes meanwhile is beyond it */
    buf_init(&all, FILE_MOST);
    if (audit_read(folder, &all, fail) < 0) {
        buf_free(&all);
        return -1;
    }
    bool good = true, seen = false;
    for (struct text rest = buf_view(&all); good && rest.len > 0;) {
        struct text line = text_cut(&rest, '\n');
        if (rest.ptr == NULL) /* cut off by a crash, see read_last() */
            break;
        good = follows(&chain, line, why, sizeof why);
        seen =
            seen || (has_head && chain.number == head.number && memcmp(chain.hash, head.hash, sizeof head.hash) == 0);
    }
    buf_free(&all);
    verdict->lines = chain.number;
    memcpy(verdict->head, chain.hash, sizeof verdict->head);
    if (!good)
        snprintf(verdict->problem, sizeof verdict->problem, "line %" PRIu64 " %s", chain.number + 1, why);
    else if (has_head && chain.number < head.number)
        snprintf(verdict->problem, sizeof verdict->problem, "the last %" PRIu64 " lines are gone",
                 head.number - chain.number);
    else if (has_head && !seen)
        snprintf(verdict->problem, sizeof verdict->problem, "line %" PRIu64 " is not the one that " AUDIT_HEAD " names",
                 head.number);
    else if (!has_head && chain.number > 0)
        snprintf(verdict->problem, sizeof verdict->problem,
                 AUDIT_HEAD " is gone: whether lines are missing at the end is not known");
    return 0;
}
