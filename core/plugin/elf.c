/* elf.c - the few fields of an ELF file (System V ABI, chapter 4) that give the length it must have. */
#include "plugin/elf.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static int refuse(const char *path, const char *why, struct fail *fail)
{
    return fail_set(fail, FAIL_OPERATOR, "the plugin %s cannot be loaded: %s", path, why);
}

static bool is_inside(uint64_t at, uint64_t len, uint64_t size)
{
    return at <= size && len <= size - at;
}

/* Of this machine's kind? The linker explains more of what it does not like; it reads the same header. */
static bool is_ours(const ElfW(Ehdr) * head)
{
    const unsigned char class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    const uint16_t one = 1;
    const unsigned char order = *(const unsigned char *)&one == 1 ? ELFDATA2LSB : ELFDATA2MSB;
    return head->e_ident[EI_CLASS] == class && head->e_ident[EI_DATA] == order;
}

int elf_check(int fd, off_t size, const char *path, struct fail *fail)
{
    static const char cut[] = "the file is cut: it ends before what its header names; copy it again";
    ElfW(Ehdr) head;
    uint64_t whole = (uint64_t)size;
    ssize_t got = pread(fd, &head, sizeof head, 0);

    if (got < SELFMAG || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
        return refuse(path, got == 0 ? "the file is empty" : "it is not a shared library (ELF)", fail);
    if (got < (ssize_t)sizeof head)
        return refuse(path, cut, fail);
    if (!is_ours(&head))
        return refuse(path, "it is made for another kind of machine", fail);
    if (head.e_type != ET_DYN || head.e_phentsize != sizeof(ElfW(Phdr)))
        return refuse(path, "it is not a shared library: link it with -shared", fail);
    if (!is_inside(head.e_phoff, (uint64_t)head.e_phnum * sizeof(ElfW(Phdr)), whole) ||
        (head.e_shoff != 0 && !is_inside(head.e_shoff, (uint64_t)head.e_shnum * head.e_shentsize, whole)))
        return refuse(path, cut, fail);
    for (unsigned i = 0; i < head.e_phnum; i++) {
        ElfW(Phdr) segment;
        off_t at = (off_t)(head.e_phoff + i * sizeof segment);
        if (pread(fd, &segment, sizeof segment, at) != (ssize_t)sizeof segment ||
            !is_inside(segment.p_offset, segment.p_filesz, whole))
            return refuse(path, cut, fail);
    }
    return 0;
}
