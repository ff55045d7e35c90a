/* find.c - goes from frame to frame through the files, and opens only what is asked for. */
#include "capture/find.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/folder.h"

#define INDEX_MOST ((size_t)1 << 30)

struct find_file {
    struct find_file *next;
    const char *path;
    struct sealed sealed;
};

struct place {
    struct find_file *file; /* NULL: there is none */
    int64_t offset;
    uint64_t number;
    size_t len; /* with its frame */
};

struct item {
    struct place kinds[SEALED_KINDS];
};

struct listing {
    struct find *find;
    int64_t since_hour;
};

static void list_one(void *arg, const char *folder, const struct folder_file *file)
{
    struct listing *l = arg;
    if (file->hour < l->since_hour)
        return;
    struct find_file *f = arena_new(&l->find->arena, struct find_file);
    f->path = arena_printf(&l->find->arena, "%s/%s", folder, file->name);
    f->next = l->find->files;
    l->find->files = f;
}

static void note(struct find *f, struct find_file *file, const struct sealed_frame *frame, int64_t offset,
                 uint64_t number)
{
    struct item *item = map_get(&f->items, frame->id);
    if (item == NULL) {
        item = arena_new(&f->arena, struct item);
        map_put(&f->items, arena_text(&f->arena, frame->id), item);
    }
    f->requests += frame->kind == SEALED_REQUEST;
    item->kinds[frame->kind] = (struct place){ file, offset, number, SEALED_FRAME + frame->len };
}

/* What is being written has an end that is not whole. */
static void walk(struct find *f, struct find_file *file, int fd)
{
    char bytes[SEALED_FRAME];
    struct sealed_frame frame;
    struct stat st;
    int64_t offset = SEALED_HEAD;
    if (fstat(fd, &st) < 0)
        return;
    for (uint64_t number = 0; pread(fd, bytes, sizeof bytes, offset) == (ssize_t)sizeof bytes; number++) {
        if (!sealed_frame(bytes, &frame)) {
            f->damaged++;
            return;
        }
        int64_t end = offset + (int64_t)(SEALED_FRAME + frame.len);
        if (end > st.st_size)
            return;
        note(f, file, &frame, offset, number);
        offset = end;
    }
}

/* 0, or -1 with `fail`. */
static int read_file(struct find *f, struct find_file *file, struct fail *fail)
{
    char head[SEALED_HEAD];
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) /* its time was over a moment ago */
        return 0;
    if (fd < 0)
        return fail_set(fail, FAIL_OPERATOR, "%s cannot be read: %s", file->path, strerror(errno));
    const char *wrong = NULL;
    if (pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head) {
        wrong = sealed_open(&file->sealed, f->key, head);
        if (wrong == NULL)
            walk(f, file, fd);
    }
    close(fd);
    if (wrong == NULL)
        return 0;
    return fail_set(fail, FAIL_OPERATOR,
                    "%s: %s: put back capture.key as it was, or remove the file, which nobody can read without it",
                    file->path, wrong);
}

int find_open(struct find *f, const char *ledger, int64_t since_ms, struct fail *fail)
{
    char folder[FOLDER_PATH];
    struct listing l = { f, since_ms / FOLDER_HOUR_MS };
    *f = (struct find){ 0 };
    arena_init(&f->arena, NULL, 0, INDEX_MOST);
    map_init(&f->items);
    if (!folder_path(ledger, folder) || folder_each(folder, list_one, &l) < 0 || f->files == NULL)
        return 0;
    int key = sealed_key(ledger, false, f->key, fail);
    if (key < 0)
        return -1;
    if (key > 0)
        return fail_set(
            fail, FAIL_OPERATOR,
            "%s/capture.key is missing: put it back, or remove the folder %s, which nobody can read without it", ledger,
            folder);
    f->has_key = true;
    for (struct find_file *file = f->files; file != NULL; file = file->next)
        if (read_file(f, file, fail) < 0)
            return -1;
    return f->arena.full ? fail_set(fail, FAIL_OPERATOR, "there are more captures than fit into memory") : 0;
}

void find_fini(struct find *f)
{
    crypto_wipe(f->key, sizeof f->key);
    map_fini(&f->items);
    arena_fini(&f->arena);
}

static const struct place *place_of(const struct find *f, struct text id, enum sealed_kind kind)
{
    const struct item *item = map_get(&f->items, id);
    return item != NULL && item->kinds[kind].file != NULL ? &item->kinds[kind] : NULL;
}

bool find_has(const struct find *f, struct text id, enum sealed_kind kind)
{
    return place_of(f, id, kind) != NULL;
}

int find_words(const char *ledger, struct text id, const char *words[3], struct fail *fail)
{
    struct find f;
    int result = find_open(&f, ledger, 0, fail);
    if (result == 0 && find_has(&f, id, SEALED_REQUEST))
        *words++ = "request";
    if (result == 0 && find_has(&f, id, SEALED_ANSWER))
        *words++ = "answer";
    *words = NULL;
    find_fini(&f);
    return result;
}

bool find_get(struct find *f, struct text id, enum sealed_kind kind, struct arena *arena, struct text *out)
{
    const struct place *p = place_of(f, id, kind);
    int fd = p != NULL ? open(p->file->path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    char *bytes = arena_try(arena, p->len), *open_text = arena_try(arena, p->len);
    size_t len = 0;
    bool good = bytes != NULL && open_text != NULL && pread(fd, bytes, p->len, p->offset) == (ssize_t)p->len &&
                sealed_get(&p->file->sealed, p->number, (struct text){ bytes, p->len }, open_text, &len) == 0;
    close(fd);
    *out = (struct text){ open_text, len };
    return good;
}
