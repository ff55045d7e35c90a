/* sealed.c - the head of a file, its key, and its records. */
#include "capture/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAGIC_LEN = 16, SALT_LEN = 16, CHECK_LEN = 16, KEY_TEXT = 2 * CRYPTO_KEY_LEN + 1 };

static const char magic[MAGIC_LEN] = "gw captures 1\n";

static int make_key(const char *path, uint8_t key[CRYPTO_KEY_LEN], struct fail *fail)
{
    char text[KEY_TEXT];
    crypto_random(key, CRYPTO_KEY_LEN);
    crypto_hex(key, CRYPTO_KEY_LEN, text);
    text[KEY_TEXT - 1] = '\n';
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && write(fd, text, KEY_TEXT) == KEY_TEXT && fsync(fd) == 0;
    int error = errno;
    crypto_wipe(text, sizeof text);
    if (fd >= 0)
        close(fd);
    if (good)
        return 0;
    if (fd >= 0)
        unlink(path); /* half of a key would be taken for a whole one that is broken */
    return fail_set(fail, FAIL_OPERATOR, "%s cannot be written: %s", path, strerror(error));
}

static int read_key(int fd, const char *path, uint8_t key[CRYPTO_KEY_LEN], struct fail *fail)
{
    char text[KEY_TEXT + 1];
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
        return fail_set(fail, FAIL_OPERATOR, "%s can be read by others, and is not used: chmod 600 %s", path, path);
    ssize_t len = read(fd, text, sizeof text);
    struct text line = { text, len > 0 ? (size_t)len : 0 };
    int result = crypto_parse_hex(text_cut(&line, '\n'), key, CRYPTO_KEY_LEN);
    crypto_wipe(text, sizeof text);
    if (result == 0)
        return 0;
    return fail_set(fail, FAIL_OPERATOR,
                    "%s is no key (64 hex digits): put back the one that was there, or remove it together with the "
                    "folder capture, which nobody can read without it",
                    path);
}

int sealed_key(const char *ledger, bool make, uint8_t key[CRYPTO_KEY_LEN], struct fail *fail)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/capture.key", ledger);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return make ? make_key(path, key, fail) : 1;
    if (fd < 0)
        return fail_set(fail, FAIL_OPERATOR, "%s cannot be read: %s", path, strerror(errno));
    int result = read_key(fd, path, key, fail);
    close(fd);
    return result;
}

/* The key of the file, and what shows that it is the right one. */
static void derive(struct sealed *s, const uint8_t key[CRYPTO_KEY_LEN], const char *head, uint8_t check[CHECK_LEN])
{
    uint8_t all[CRYPTO_SHA256_LEN];
    crypto_hmac_sha256((struct text){ (const char *)key, CRYPTO_KEY_LEN }, (struct text){ head, MAGIC_LEN + SALT_LEN },
                       s->key);
    crypto_hmac_sha256((struct text){ (const char *)s->key, CRYPTO_KEY_LEN }, TEXT("check"), all);
    memcpy(check, all, CHECK_LEN);
    s->number = 0;
}

void sealed_begin(struct sealed *s, const uint8_t key[CRYPTO_KEY_LEN], char head[SEALED_HEAD])
{
    memcpy(head, magic, MAGIC_LEN);
    crypto_random(head + MAGIC_LEN, SALT_LEN);
    derive(s, key, head, (uint8_t *)head + MAGIC_LEN + SALT_LEN);
}

const char *sealed_open(struct sealed *s, const uint8_t key[CRYPTO_KEY_LEN], const char head[SEALED_HEAD])
{
    uint8_t check[CHECK_LEN];
    if (memcmp(head, magic, MAGIC_LEN) != 0)
        return "it is no file of captures";
    derive(s, key, head, check);
    return crypto_equal(check, head + MAGIC_LEN + SALT_LEN, CHECK_LEN)
               ? NULL
               : "capture.key is not the key that it was sealed with";
}

int sealed_put(struct sealed *s, enum sealed_kind kind, struct text id, struct text open, struct buf *out)
{
    BUG_IF(id.len != SEALED_ID || open.len > SEALED_MOST);
    uint32_t len = (uint32_t)(open.len + CRYPTO_TAG_LEN);
    char *at = buf_extend(out, SEALED_FRAME + len);
    if (at == NULL)
        return -1;
    at[0] = (char)kind;
    memcpy(at + 1, id.ptr, SEALED_ID);
    for (unsigned i = 0; i < 4; i++)
        at[1 + SEALED_ID + i] = (char)(len >> (8 * i));
    crypto_seal(s->key, s->number++, (struct text){ at, SEALED_FRAME }, open, at + SEALED_FRAME);
    return 0;
}

bool sealed_frame(const char bytes[SEALED_FRAME], struct sealed_frame *frame)
{
    frame->kind = (enum sealed_kind)(unsigned char)bytes[0];
    frame->id = (struct text){ bytes + 1, SEALED_ID };
    frame->len = 0;
    for (unsigned i = 4; i-- > 0;)
        frame->len = frame->len << 8 | (unsigned char)bytes[1 + SEALED_ID + i];
    return frame->kind > 0 && frame->kind < SEALED_KINDS && frame->len >= CRYPTO_TAG_LEN &&
           frame->len <= SEALED_MOST + CRYPTO_TAG_LEN;
}

int sealed_get(const struct sealed *s, uint64_t number, struct text bytes, char *out, size_t *len)
{
    struct text head = { bytes.ptr, SEALED_FRAME }, sealed = { bytes.ptr + SEALED_FRAME, bytes.len - SEALED_FRAME };
    *len = sealed.len - CRYPTO_TAG_LEN;
    return crypto_unseal(s->key, number, head, sealed, out);
}
