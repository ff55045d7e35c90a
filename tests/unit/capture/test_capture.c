/* What was captured comes back, and only with its key; files end whole or torn, and are gone when their time is over. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "capture/capture.h"
#include "capture/find.h"
#include "capture/folder.h"
#include "check.h"

#define CANARY "the canary sings at noon"

static char folder[64];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/gw-capture-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

static struct text id_of(unsigned n)
{
    static char id[SEALED_ID + 1];
    snprintf(id, sizeof id, "01a2243a-0000-7000-8000-%012u", n);
    return (struct text){ id, SEALED_ID };
}

static void put(struct capture *c, unsigned n, enum sealed_kind kind, struct text open, unsigned mb)
{
    struct buf b;
    buf_init(&b, SEALED_MOST + 1);
    cr_assert_eq(buf_text(&b, open), 0);
    capture_put(c, kind, id_of(n), &b, 7, mb);
    cr_assert_eq(b.len, 0);
    buf_free(&b);
}

/* The one file that is there. */
static const char *only_file(void)
{
    static char path[2 * FOLDER_PATH];
    char capture[FOLDER_PATH];
    struct folder_file file;
    int count = 0;
    cr_assert(folder_path(folder, capture));
    DIR *dir = opendir(capture);
    cr_assert_not_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        if (folder_name(e->d_name, &file)) {
            snprintf(path, sizeof path, "%s/%s", capture, e->d_name);
            count++;
        }
    closedir(dir);
    cr_assert_eq(count, 1);
    return path;
}

static void write_three(void)
{
    struct fail fail;
    struct capture *c = capture_open(folder, &fail);
    cr_assert_not_null(c);
    put(c, 1, SEALED_REQUEST, TEXT(CANARY " 1"), 16);
    put(c, 1, SEALED_ANSWER, TEXT(CANARY " answer"), 16);
    put(c, 2, SEALED_REQUEST, TEXT(""), 16);
    capture_close(c);
}

static struct find open_find(int result)
{
    struct find f;
    struct fail fail = { 0 };
    cr_assert_eq(find_open(&f, folder, 0, &fail), result, "%s", fail.text);
    return f;
}

Test(capture, comes_back_and_stands_nowhere_in_clear)
{
    struct arena arena;
    struct text got;
    struct stat st;
    make_folder();
    write_three();
    struct find f = open_find(0);
    arena_init(&arena, NULL, 0, 1 << 20);
    cr_assert_eq(f.requests, 2);
    cr_assert_eq(f.damaged, 0);
    cr_assert(find_get(&f, id_of(1), SEALED_REQUEST, &arena, &got));
    cr_assert(text_is(got, CANARY " 1"));
    cr_assert(find_get(&f, id_of(1), SEALED_ANSWER, &arena, &got));
    cr_assert(text_is(got, CANARY " answer"));
    cr_assert(find_get(&f, id_of(2), SEALED_REQUEST, &arena, &got));
    cr_assert_eq(got.len, 0);
    cr_assert_not(find_has(&f, id_of(2), SEALED_ANSWER));
    cr_assert_not(find_get(&f, id_of(3), SEALED_REQUEST, &arena, &got));
    char command[256];
    snprintf(command, sizeof command, "! grep -rq canary %s", folder);
    cr_assert_eq(system(command), 0);
    cr_assert_eq(stat(only_file(), &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600u);
    snprintf(command, sizeof command, "%s/capture.key", folder);
    cr_assert_eq(stat(command, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600u);
    find_fini(&f);
    arena_fini(&arena);
    remove_folder();
}

/* Cut at each byte, it ends with the last record that is whole. */
Test(capture, a_torn_end_is_an_end)
{
    make_folder();
    write_three();
    struct stat st;
    const char *path = only_file();
    cr_assert_eq(stat(path, &st), 0);
    for (off_t size = st.st_size - 1; size >= 0; size -= 3) {
        cr_assert_eq(truncate(path, size), 0);
        struct find f = open_find(0);
        cr_assert_eq(f.damaged, 0);
        cr_assert_leq(f.requests, 1u);
        find_fini(&f);
    }
    remove_folder();
}

Test(capture, a_changed_byte_is_not_taken_for_what_was_said)
{
    struct arena arena;
    struct text got;
    make_folder();
    write_three();
    const char *path = only_file();
    for (off_t at = SEALED_HEAD; at < (off_t)(SEALED_HEAD + SEALED_FRAME + sizeof CANARY); at++) {
        int fd = open(path, O_RDWR);
        char byte;
        cr_assert_eq(pread(fd, &byte, 1, at), 1);
        byte ^= 1;
        cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
        struct find f = open_find(0);
        arena_init(&arena, NULL, 0, 1 << 20);
        cr_assert_not(find_get(&f, id_of(1), SEALED_REQUEST, &arena, &got), "byte %lld", (long long)at);
        find_fini(&f);
        arena_fini(&arena);
        byte ^= 1;
        cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
        close(fd);
    }
    remove_folder();
}

static void write_key(const char *text, mode_t mode)
{
    char path[128];
    snprintf(path, sizeof path, "%s/capture.key", folder);
    unlink(path);
    if (text == NULL)
        return;
    int fd = open(path, O_WRONLY | O_CREAT, mode);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void says(const char *part)
{
    struct find f;
    struct fail fail = { 0 };
    cr_assert_eq(find_open(&f, folder, 0, &fail), -1);
    cr_assert_not_null(strstr(fail.text, part), "%s", fail.text);
    find_fini(&f);
}

Test(capture, another_key_says_so)
{
    static const char other[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    make_folder();
    struct find empty = open_find(0);
    find_fini(&empty);
    write_three();
    write_key(other, 0600);
    says("capture.key is not the key that it was sealed with");
    write_key(other, 0644);
    says("chmod 600");
    write_key("0011", 0600);
    says("is no key (64 hex digits)");
    write_key(NULL, 0);
    says("capture.key is missing: put it back");
    remove_folder();
}

Test(capture, a_file_goes_when_its_time_is_over)
{
    char capture[FOLDER_PATH];
    struct folder_file file;
    make_folder();
    write_three();
    cr_assert(folder_path(folder, capture));
    const char *name = strrchr(only_file(), '/') + 1;
    cr_assert(folder_name(name, &file));
    cr_assert_eq(file.days, 7u);
    cr_assert_eq(file.hour, clock_unix_ms() / FOLDER_HOUR_MS);
    int64_t over_ms = (file.hour + (int64_t)7 * 24) * FOLDER_HOUR_MS;
    cr_assert_gt(folder_sweep(capture, over_ms - 1), 100);
    only_file();
    cr_assert_eq(folder_sweep(capture, over_ms), 0);
    remove_folder();
}

Test(capture, what_has_no_room_is_lost_and_counted)
{
    struct capture_sums sums;
    struct fail fail;
    make_folder();
    struct capture *c = capture_open(folder, &fail);
    char *large = malloc(SEALED_MOST + 1);
    cr_assert_not_null(large);
    memset(large, 'x', SEALED_MOST + 1);
    put(c, 1, SEALED_REQUEST, (struct text){ large, SEALED_MOST + 1 }, 16);
    put(c, 2, SEALED_REQUEST, (struct text){ large, SEALED_MOST }, 1); /* more than 1 MB of files */
    put(c, 3, SEALED_REQUEST, (struct text){ large, 1000 }, 1);
    for (int i = 0; i < 500; i++) {
        capture_read_sums(c, &sums);
        if (sums.written == 1)
            break;
        usleep(10000);
    }
    cr_assert_eq(sums.written, 1u);
    cr_assert_eq(sums.lost[CAPTURE_LARGE], 1u);
    cr_assert_eq(sums.lost[CAPTURE_FULL], 1u);
    capture_close(c);
    free(large);
    remove_folder();
}

Test(capture, a_folder_that_cannot_be_written_loses_captures_alone)
{
    struct capture_sums sums;
    struct fail fail;
    char path[128];
    make_folder();
    snprintf(path, sizeof path, "%s/capture", folder);
    int fd = open(path, O_WRONLY | O_CREAT, 0600); /* a file in the folder's place */
    cr_assert_geq(fd, 0);
    close(fd);
    struct capture *c = capture_open(folder, &fail);
    put(c, 1, SEALED_REQUEST, TEXT("x"), 16);
    for (int i = 0; i < 500; i++) {
        capture_read_sums(c, &sums);
        if (sums.lost[CAPTURE_DISK] == 1)
            break;
        usleep(10000);
    }
    cr_assert_eq(sums.lost[CAPTURE_DISK], 1u);
    cr_assert_eq(unlink(path), 0);
    put(c, 2, SEALED_REQUEST, TEXT("y"), 16);
    capture_close(c);
    struct find f = open_find(0);
    cr_assert_eq(f.requests, 1);
    find_fini(&f);
    remove_folder();
}
