/* trusted.c - opens a file that will run as our own code, if nobody else could have put it there. What is
 * checked is the open descriptor, so that what is checked is what is loaded. */
#include "plugin/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Is `gid` the private group of user `uid`: his primary one, without other members? Where every user has
 * one, files are made with mode 664, and nobody else can write them. */
static bool is_private_group(gid_t gid, uid_t uid)
{
    struct passwd user, *found_user = NULL;
    struct group group, *found_group = NULL;
    char memory[16384];

    if (getpwuid_r(uid, &user, memory, sizeof memory, &found_user) != 0 || found_user == NULL || user.pw_gid != gid)
        return false;
    char name[256];
    snprintf(name, sizeof name, "%s", user.pw_name);
    if (getgrgid_r(gid, &group, memory, sizeof memory, &found_group) != 0 || found_group == NULL)
        return false;
    for (char **member = group.gr_mem; *member != NULL; member++)
        if (strcmp(*member, name) != 0)
            return false;
    return true;
}

static bool is_writable_by_others(const struct stat *st)
{
    if (st->st_mode & S_IWOTH)
        return true;
    return (st->st_mode & S_IWGRP) && !is_private_group(st->st_gid, st->st_uid);
}

/* 0, or -1 when somebody else than root and us may change what `path` names. */
static int check(const char *path, const struct stat *st, bool is_folder, struct fail *fail)
{
    const char *what = is_folder ? "the folder" : "the plugin";

    if (st->st_uid != 0 && st->st_uid != geteuid())
        return fail_set(fail, FAIL_OPERATOR,
                        "%s %s belongs to user %ld: it must belong to root or to the user that runs the gateway (%ld)",
                        what, path, (long)st->st_uid, (long)geteuid());
    if (is_writable_by_others(st) && !(is_folder && (st->st_mode & S_ISVTX)))
        return fail_set(fail, FAIL_OPERATOR, "%s %s is writable by others: chmod go-w %s", what, path, path);
    return 0;
}

/* Who may write a folder above may put another one in the place of this. */
static int check_above(const char *folder, struct fail *fail)
{
    char path[PATH_MAX];
    struct stat st;

    if (realpath(folder, path) == NULL)
        return fail_set(fail, FAIL_OPERATOR, "the folder %s cannot be looked at: %s", folder, strerror(errno));
    for (char *slash; (slash = strrchr(path, '/')) != NULL && path[1] != '\0';) {
        slash[slash == path] = '\0';
        if (stat(path, &st) == 0 && is_writable_by_others(&st) && !(st.st_mode & S_ISVTX))
            return fail_set(fail, FAIL_OPERATOR,
                            "the folder %s, above the plugins in %s, is writable by others: chmod go-w %s", path,
                            folder, path);
    }
    return 0;
}

/* The folder of `path`, open, and the name in it. */
static int open_folder(const char *path, char folder[PATH_MAX], const char **name, struct fail *fail)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);

    *name = slash == NULL ? path : slash + 1;
    if (len >= PATH_MAX)
        return fail_set(fail, FAIL_OPERATOR, "the path of the plugin is too long");
    if (slash == NULL)
        snprintf(folder, PATH_MAX, ".");
    else
        snprintf(folder, PATH_MAX, "%.*s", len == 0 ? 1 : (int)len, path);

    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_set(fail, FAIL_OPERATOR, "the folder %s of the plugin cannot be opened: %s", folder,
                        strerror(errno));
    return fd;
}

int trusted_open(const char *path, struct stat *st, struct fail *fail)
{
    char folder[PATH_MAX];
    const char *name;
    int folder_fd = open_folder(path, folder, &name, fail);

    if (folder_fd < 0)
        return -1;
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    int why = errno;
    struct stat folder_st;
    bool have = fstat(folder_fd, &folder_st) == 0;
    close(folder_fd);

    if (fd < 0 && why == ELOOP)
        return fail_set(fail, FAIL_OPERATOR, "the plugin %s is a symbolic link: name the file itself", path);
    if (fd < 0)
        return fail_set(fail, FAIL_OPERATOR, "the plugin %s cannot be opened: %s", path, strerror(why));
    if (!have || fstat(fd, st) < 0)
        fail_set(fail, FAIL_OPERATOR, "the plugin %s cannot be looked at: %s", path, strerror(errno));
    else if (!S_ISREG(st->st_mode))
        fail_set(fail, FAIL_OPERATOR, "the plugin %s is not a file", path);
    else if (check(path, st, false, fail) == 0 && check(folder, &folder_st, true, fail) == 0 &&
             check_above(folder, fail) == 0)
        return fd;
    close(fd);
    return -1;
}
