/* folder.c - names of files, and their end: whole files go, so that nothing has to be cut out of one. */
#include "capture/folder.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"

enum { CHANCE = 4 };

bool folder_path(const char *ledger, char out[FOLDER_PATH])
{
    return snprintf(out, FOLDER_PATH, "%s/capture", ledger) < FOLDER_PATH;
}

bool folder_name(const char *name, struct folder_file *file)
{
    char chance[2 * CHANCE + 1];
    int len = 0;
    *file = (struct folder_file){ .name = name };
    return sscanf(name, "%" SCNd64 "-%u-%8[0-9a-f].sealed%n", &file->hour, &file->days, chance, &len) == 3 && len > 0 &&
           name[len] == '\0';
}

void folder_make_name(int64_t hour, unsigned days, char *out, size_t room)
{
    uint8_t random[CHANCE];
    char chance[2 * CHANCE + 1];
    crypto_random(random, sizeof random);
    crypto_hex(random, sizeof random, chance);
    snprintf(out, room, "%" PRId64 "-%u-%s.sealed", hour, days, chance);
}

int folder_each(const char *folder, void (*see)(void *arg, const char *folder, const struct folder_file *file),
                void *arg)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    struct folder_file file;
    if (dir == NULL)
        return -1;
    while ((entry = readdir(dir)) != NULL)
        if (folder_name(entry->d_name, &file))
            see(arg, folder, &file);
    closedir(dir);
    return 0;
}

struct sweeping {
    int64_t now_ms, bytes;
};

static void sweep_one(void *arg, const char *folder, const struct folder_file *file)
{
    struct sweeping *s = arg;
    char path[FOLDER_PATH + NAME_MAX + 2];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, file->name);
    if ((file->hour + (int64_t)file->days * 24) * FOLDER_HOUR_MS <= s->now_ms)
        unlink(path);
    else if (stat(path, &st) == 0)
        s->bytes += st.st_size;
}

int64_t folder_sweep(const char *folder, int64_t now_ms)
{
    struct sweeping s = { .now_ms = now_ms };
    return folder_each(folder, sweep_one, &s) == 0 ? s.bytes : -1;
}
