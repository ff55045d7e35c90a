/* test_elf.c - the header of a shared library, made here: whole, cut, and of another kind. */
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "plugin/elf.h"

enum { SEGMENTS = 3, SECTIONS = 2, SIZE = 1024 };

static struct {
    ElfW(Ehdr) head;
    ElfW(Phdr) segments[SEGMENTS];
    char rest[SIZE];
} file;
static struct fail fail;

/* A whole library of SIZE bytes: the sections' table is at its end. */
static void prepare(void)
{
    const uint16_t one = 1;

    memset(&file, 0, sizeof file);
    memcpy(file.head.e_ident, ELFMAG, SELFMAG);
    file.head.e_ident[EI_CLASS] = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    file.head.e_ident[EI_DATA] = *(const unsigned char *)&one == 1 ? ELFDATA2LSB : ELFDATA2MSB;
    file.head.e_type = ET_DYN;
    file.head.e_phoff = sizeof file.head;
    file.head.e_phentsize = sizeof(ElfW(Phdr));
    file.head.e_phnum = SEGMENTS;
    file.head.e_shentsize = sizeof(ElfW(Shdr));
    file.head.e_shnum = SECTIONS;
    file.head.e_shoff = SIZE - SECTIONS * sizeof(ElfW(Shdr));
    for (int i = 0; i < SEGMENTS; i++) {
        file.segments[i].p_offset = (ElfW(Off))i * 100;
        file.segments[i].p_filesz = SIZE - (ElfW(Off))i * 100;
    }
}

/* What is wrong with the first `size` bytes of the file; "" when nothing is. */
static const char *problem(size_t size)
{
    static const char before[] = "the plugin a/x.so cannot be loaded: ";
    int fd = memfd_create("elf", MFD_CLOEXEC);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, &file, size), (ssize_t)size);
    memset(&fail, 0, sizeof fail);
    int result = elf_check(fd, (off_t)size, "a/x.so", &fail);
    cr_assert_eq(lseek(fd, 0, SEEK_CUR), (off_t)size, "its position does not move");
    close(fd);
    cr_assert_eq(result, fail.kind == FAIL_NONE ? 0 : -1);
    if (result == 0)
        return "";
    cr_assert_eq(fail.kind, FAIL_OPERATOR);
    cr_assert_eq(strncmp(fail.text, before, sizeof before - 1), 0, "%s", fail.text);
    return fail.text + sizeof before - 1;
}

static const char cut[] = "the file is cut: it ends before what its header names; copy it again";
static const char machine[] = "it is made for another kind of machine";
static const char shared[] = "it is not a shared library: link it with -shared";

Test(elf, takes_a_whole_library)
{
    prepare();
    cr_assert_str_eq(problem(SIZE), "");
    file.head.e_shoff = 0; /* the sections were stripped */
    file.head.e_shnum = 9999;
    cr_assert_str_eq(problem(SIZE), "");
    file.head.e_phnum = 0;
    cr_assert_str_eq(problem(SIZE), "");
    cr_assert_str_eq(problem(sizeof file.head), "");
}

Test(elf, misses_each_byte_of_the_end)
{
    prepare();
    for (size_t size = 0; size < SIZE; size++)
        cr_assert_str_eq(problem(size), size == 0        ? "the file is empty"
                                        : size < SELFMAG ? "it is not a shared library (ELF)"
                                                         : cut);
}

Test(elf, refuses_what_the_linker_would_not_load)
{
    prepare();
    file.head.e_ident[0] ^= 1;
    cr_assert_str_eq(problem(SIZE), "it is not a shared library (ELF)");
    prepare();
    file.head.e_ident[EI_CLASS] ^= ELFCLASS32 ^ ELFCLASS64;
    cr_assert_str_eq(problem(SIZE), machine);
    prepare();
    file.head.e_ident[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB;
    cr_assert_str_eq(problem(SIZE), machine);
    prepare();
    file.head.e_type = ET_EXEC;
    cr_assert_str_eq(problem(SIZE), shared);
    prepare();
    file.head.e_phentsize++;
    cr_assert_str_eq(problem(SIZE), shared);
}

/* One byte further than the file reaches, or so far that a sum would wrap. */
Test(elf, refuses_parts_that_are_not_inside)
{
    prepare();
    file.head.e_shoff++;
    cr_assert_str_eq(problem(SIZE), cut);
    file.head.e_shoff = UINTPTR_MAX;
    cr_assert_str_eq(problem(SIZE), cut);
    file.head.e_shoff = SIZE + 1;
    file.head.e_shnum = 0;
    cr_assert_str_eq(problem(SIZE), cut);
    file.head.e_shoff = SIZE;
    cr_assert_str_eq(problem(SIZE), "");
    prepare();
    file.head.e_phoff = SIZE - SEGMENTS * sizeof(ElfW(Phdr)) + 1;
    cr_assert_str_eq(problem(SIZE), cut);
    file.head.e_phoff = UINTPTR_MAX - 10;
    cr_assert_str_eq(problem(SIZE), cut);
    for (int i = 0; i < SEGMENTS; i++) {
        prepare();
        file.segments[i].p_filesz++;
        cr_assert_str_eq(problem(SIZE), cut, "%d", i);
        file.segments[i].p_filesz = UINTPTR_MAX;
        cr_assert_str_eq(problem(SIZE), cut, "%d", i);
        file.segments[i].p_offset = SIZE + 1;
        file.segments[i].p_filesz = 0;
        cr_assert_str_eq(problem(SIZE), cut, "%d", i);
    }
}
