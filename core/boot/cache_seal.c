/* cache_seal.c - reads or makes the file cache-seal. */
#include "boot/cache_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "plugin/plugin.h"

#define HEX_LEN (2 * CRYPTO_SHA256_LEN)

/* Under another name first: half a file is never found. The first of two gateways wins, and both read its file. -1 with errno. */
static int make(const char *path)
{
    char other[4096], line[HEX_LEN + 2];
    uint8_t seal[CRYPTO_SHA256_LEN];
    if (snprintf(other, sizeof other, "%s.%ld", path, (long)getpid()) >= (int)sizeof other) {
        errno = ENAMETOOLONG;
        return -1;
    }
    crypto_random(seal, sizeof seal);
    crypto_hex(seal, sizeof seal, line);
    line[HEX_LEN] = '\n';
    unlink(other);
    int fd = open(other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    bool written = write(fd, line, HEX_LEN + 1) == HEX_LEN + 1 && fsync(fd) == 0;
    int reason = errno;
    close(fd);
    crypto_wipe(seal, sizeof seal);
    crypto_wipe(line, sizeof line);
    if (written && link(other, path) < 0 && errno != EEXIST) {
        reason = errno;
        written = false;
    }
    unlink(other);
    errno = reason;
    return written ? 0 : -1;
}

static int read_file(const char *path, uint8_t *out, struct fail *fail)
{
    struct stat st;
    struct buf text;
    buf_init(&text, 4096);
    if (stat(path, &st) < 0 || file_read(path, &text) < 0) {
        buf_free(&text);
        return fail_set(fail, FAIL_OPERATOR, "cache: the seal %s cannot be read: %s", path, strerror(errno));
    }
    struct text line = buf_view(&text);
    bool good = crypto_parse_hex(text_trim(text_cut(&line, '\n')), out, CRYPTO_SHA256_LEN) == 0;
    if (text.ptr != NULL)
        crypto_wipe(text.ptr, text.cap);
    buf_free(&text);
    if ((st.st_mode & 077) != 0)
        return fail_set(fail, FAIL_OPERATOR, "cache: others may read the seal %s: chmod 600 it", path);
    return good ? 0
                : fail_set(fail, FAIL_OPERATOR,
                           "cache: the seal %s is not %d hex digits: remove it, and another is made", path, HEX_LEN);
}

int cache_seal_of(const struct config *config, uint8_t out[CRYPTO_SHA256_LEN], struct fail *fail)
{
    bool inside = (config->cache.plugin->cache.flags & GW_CACHE_INLINE) != 0;
    char path[4096];
    if (config->cache.seal_from != NULL) {
        memcpy(out, config->cache.seal, CRYPTO_SHA256_LEN);
        return 0;
    }
    if (inside || config->ledger.path == NULL) {
        if (!inside)
            log_line(LOG_WARN,
                     "cache: there is no seal and no ledger in whose folder one could be kept: nothing of the "
                     "cache is found after a restart, nor by other gateways. Set cache { seal = env \"...\" }");
        crypto_random(out, CRYPTO_SHA256_LEN);
        return 0;
    }
    if (snprintf(path, sizeof path, "%s/cache-seal", config->ledger.path) >= (int)sizeof path)
        return fail_set(fail, FAIL_OPERATOR, "cache: the path of the ledger is too long");
    if (access(path, F_OK) < 0 && make(path) < 0)
        return fail_set(fail, FAIL_OPERATOR, "cache: the seal %s cannot be made: %s", path, strerror(errno));
    return read_file(path, out, fail);
}
