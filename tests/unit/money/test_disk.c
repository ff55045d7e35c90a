/* test_disk.c - the faults that a test of a whole gateway asks for by a file: each word lets those calls fail and no other. */
#include <errno.h>

#include "folder.h"
#include "money/disk.h"

/* Which of the calls fail: "write sync names reserve make", with their errors. */
static const char *failing(const struct folder *f)
{
    static char text[256];
    char path[128];
    text[0] = '\0';
    snprintf(path, sizeof path, "%s/file", f->path);
    int folder = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int made = 0;
    char bytes[40] = "";
    struct {
        const char *name;
        bool good;
        int error;
    } calls[] = {
        { .name = "write" }, { .name = "sync" }, { .name = "names" }, { .name = "reserve" }, { .name = "make" }
    };
    for (int i = 0; i < 5; i++) {
        errno = 0;
        calls[i].good = i == 0   ? disk_of_system.write(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes
                        : i == 1 ? disk_of_system.sync(fd) == 0
                        : i == 2 ? disk_of_system.sync_names(folder) == 0
                        : i == 3 ? disk_of_system.reserve(fd, 0, 100) == 0
                                 : (made = disk_of_system.make(folder, "new")) >= 0;
        calls[i].error = errno;
        if (!calls[i].good)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s %d", text[0] != '\0' ? ", " : "",
                     calls[i].name, calls[i].error);
    }
    if (made >= 0) {
        close(made);
        cr_assert_eq(disk_of_system.remove(folder, "new"), 0);
    }
    close(fd);
    close(folder);
    return text;
}

Test(disk, each_fault_by_its_word)
{
    struct folder f;
    char path[128], wanted[64];
    static const struct {
        const char *words, *format;
        int errors[2];
    } cases[] = {
        { "", "", { 0 } },
        { "nothing", "", { 0 } },
        { "write", "write %d", { EIO } },
        { "full", "write %d, reserve %d", { ENOSPC, ENOSPC } },
        { "sync", "sync %d, names %d", { EIO, EIO } },
        { "make", "make %d", { ENOSPC } },
        { "make write", "write %d, make %d", { EIO, ENOSPC } },
    };
    folder_make(&f);
    snprintf(path, sizeof path, "%s/faults", f.path);
    unsetenv("GW_TEST_DISK");
    cr_assert_str_eq(failing(&f), "");
    setenv("GW_TEST_DISK", path, 1);
    cr_assert_str_eq(failing(&f), ""); /* there is no such file */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        folder_write(path, cases[i].words, strlen(cases[i].words));
        snprintf(wanted, sizeof wanted, cases[i].format, cases[i].errors[0], cases[i].errors[1]);
        cr_assert_str_eq(failing(&f), wanted, "%s", cases[i].words);
    }
    /* A disk that takes less and less, and then nothing. */
    folder_write(path, "short", 5);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_eq(disk_of_system.write(fd, "0123456789abcdef0123456789abcdef", 32, 100), 16);
    errno = 0;
    cr_assert_eq(disk_of_system.write(fd, "0123456789abcde", 15, 100), -1);
    cr_assert_eq(errno, ENOSPC);
    cr_assert_eq(disk_of_system.write(fd, "0123456789abcdef", 16, 100), 8);
    close(fd);
    unsetenv("GW_TEST_DISK");
    folder_remove(&f);
}
