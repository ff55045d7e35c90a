/* keybook.c - the file of keys that commands make: found by line, changed in memory, written beside itself and renamed. */
#include "boot/keybook.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "boot/lua_text.h"

#define KEYBOOK_MAGIC 0x6b657962u
enum { FILE_MOST = 64 << 20, DIGEST_TEXT = 64, LOCK_TRIES = 300, LOCK_PAUSE_MS = 100 };

struct keybook {
    unsigned magic;
    char *path;
    int lock; /* the folder, locked */
    struct buf text, before;
};

static const char head[] =
    "-- The keys and teams that llm-gateway's commands made; gateway.lua has the others. Change it with `llm-gateway keys`.\n";

/* Another command may be at work; one that hangs is not waited for. */
static bool lock(int fd)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return false;
        poll(NULL, 0, LOCK_PAUSE_MS);
    }
    errno = EBUSY;
    return false;
}

struct keybook *keybook_open(const char *folder, struct fail *fail)
{
    struct keybook *k = calloc(1, sizeof *k);
    BUG_IF(k == NULL || asprintf(&k->path, "%s/" KEYBOOK_FILE, folder) < 0);
    k->magic = KEYBOOK_MAGIC;
    buf_init(&k->text, FILE_MOST);
    buf_init(&k->before, FILE_MOST);
    mkdir(folder, 0700); /* a gateway may not have run yet; another error shows at the lock */
    k->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = k->lock >= 0 && lock(k->lock);
    if (!good)
        fail_set(fail, FAIL_OPERATOR, "%s cannot be locked: %s", folder,
                 errno == EBUSY ? "another command of llm-gateway changes its keys" : strerror(errno));
    else if (file_read(k->path, &k->text) < 0 && errno != ENOENT) {
        fail_set(fail, FAIL_OPERATOR, "%s cannot be read: %s", k->path, strerror(errno));
        good = false;
    }
    if (good && k->text.len == 0)
        buf_str(&k->text, head);
    if (good && k->text.ptr[k->text.len - 1] != '\n')
        buf_str(&k->text, "\n");
    buf_text(&k->before, buf_view(&k->text));
    if (good)
        return k;
    keybook_close(k);
    return NULL;
}

void keybook_close(struct keybook *k)
{
    CHECK(k, KEYBOOK);
    if (k->lock >= 0)
        close(k->lock);
    buf_free(&k->text);
    buf_free(&k->before);
    free(k->path);
    k->magic = 0;
    free(k);
}

struct text keybook_text(const struct keybook *k)
{
    CHECK(k, KEYBOOK);
    return buf_view(&k->text);
}

/* The line that begins with `start`, without its end; absent where there is none. */
static struct text line_of(const struct keybook *k, struct text start)
{
    struct text rest = buf_view(&k->text);
    while (rest.len > 0) {
        struct text line = text_cut(&rest, '\n');
        if (text_starts(line, start))
            return line;
    }
    return TEXT_NONE;
}

static void write_start(struct buf *out, struct text name)
{
    buf_str(out, "key { name = ");
    lua_text_string(out, name);
    buf_str(out, ", ");
}

static bool take(struct text *t, const char *word)
{
    size_t len = strlen(word);
    if (!text_starts(*t, text_of(word)))
        return false;
    *t = (struct text){ t->ptr + len, t->len - len };
    return true;
}

static struct text take_bytes(struct text *t, size_t len)
{
    struct text taken = { t->ptr, len };
    *t = (struct text){ t->ptr + len, t->len - len };
    return taken;
}

/* As keybook_put() writes it. */
static bool read_line(struct text line, struct keybook_key *key)
{
    *key = (struct keybook_key){ .enabled = take(&line, "enabled = true, ") };
    if (!key->enabled && !take(&line, "enabled = false, "))
        return false;
    if (!take(&line, "sha256 = \"") || line.len < DIGEST_TEXT)
        return false;
    key->sha256 = take_bytes(&line, DIGEST_TEXT);
    if (!take(&line, "\", "))
        return false;
    if (take(&line, "previous = ")) {
        ptrdiff_t end = text_find(line, TEXT(" }, "));
        if (end < 0)
            return false;
        key->previous = take_bytes(&line, (size_t)end + 2);
        take(&line, ", ");
    }
    key->rest = line;
    return text_starts(line, TEXT("team = "));
}

bool keybook_find(const struct keybook *k, struct text name, struct keybook_key *key, struct fail *fail)
{
    CHECK(k, KEYBOOK);
    struct buf start;
    buf_init(&start, 4096);
    write_start(&start, name);
    struct text line = line_of(k, buf_view(&start));
    bool found = line.ptr != NULL;
    if (found)
        line = (struct text){ line.ptr + start.len, line.len - start.len };
    buf_free(&start);
    if (!found)
        fail_set(
            fail, FAIL_OPERATOR,
            "there is no key \"%.*s\" in %s: keys of gateway.lua are changed there, and `llm-gateway keys list` shows all",
            TEXT_ARG(name), k->path);
    else if (!read_line(line, key)) {
        fail_set(fail, FAIL_OPERATOR, "%s: the line of the key \"%.*s\" was written by hand: change it there", k->path,
                 TEXT_ARG(name));
        found = false;
    }
    return found;
}

bool keybook_has(const struct keybook *k, struct text name)
{
    CHECK(k, KEYBOOK);
    struct buf start;
    buf_init(&start, 4096);
    write_start(&start, name);
    bool found = line_of(k, buf_view(&start)).ptr != NULL;
    buf_free(&start);
    return found;
}

static void write_line(struct buf *out, struct text name, const struct keybook_key *key)
{
    write_start(out, name);
    buf_printf(out, "enabled = %s, sha256 = \"%.*s\", ", key->enabled ? "true" : "false", TEXT_ARG(key->sha256));
    if (key->previous.ptr != NULL)
        buf_printf(out, "previous = %.*s, ", TEXT_ARG(key->previous));
    buf_text(out, key->rest);
    buf_str(out, "\n");
}

void keybook_put(struct keybook *k, struct text name, const struct keybook_key *key)
{
    CHECK(k, KEYBOOK);
    struct buf start, out;
    buf_init(&start, 4096);
    buf_init(&out, FILE_MOST);
    write_start(&start, name);
    struct text rest = buf_view(&k->text);
    bool found = false;
    while (rest.len > 0) {
        struct text line = text_cut(&rest, '\n');
        if (!found && text_starts(line, buf_view(&start))) {
            write_line(&out, name, key);
            found = true;
        } else {
            buf_text(&out, line);
            buf_str(&out, "\n");
        }
    }
    if (!found)
        write_line(&out, name, key);
    buf_free(&start);
    buf_free(&k->text);
    k->text = out;
}

void keybook_add_team(struct keybook *k, struct text name, struct text settings)
{
    CHECK(k, KEYBOOK);
    buf_str(&k->text, "team ");
    lua_text_string(&k->text, name);
    buf_printf(&k->text, " { %.*s }\n", TEXT_ARG(settings));
}

/* The mark comes first: where the file is lost later, it is known that there was one. */
int keybook_save(const struct keybook *k, struct fail *fail)
{
    CHECK(k, KEYBOOK);
    if (k->text.failed) /* a shorter file would lose keys */
        return fail_set(fail, FAIL_OPERATOR, "%s would be larger than %d MB", k->path, FILE_MOST >> 20);
    int mark = openat(k->lock, KEYBOOK_MARK, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool marked = mark >= 0 || errno == EEXIST;
    if (mark >= 0)
        close(mark);
    if (marked && file_replace(k->path, buf_view(&k->text)) == 0)
        return 0;
    fail_set(fail, FAIL_OPERATOR, "%s cannot be written: %s", k->path, strerror(errno));
    if (mark >= 0)
        unlinkat(k->lock, KEYBOOK_MARK, 0);
    return -1;
}

void keybook_undo(struct keybook *k)
{
    CHECK(k, KEYBOOK);
    buf_truncate(&k->text, 0);
    buf_text(&k->text, buf_view(&k->before));
}
