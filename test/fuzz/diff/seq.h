// What the families of calls share (sequences.c).
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

// The slots of descriptors that calls use, and one above them for moving; the arena of the memory calls.
enum { FDS = 8, BASE = 20, PAGE = 4096, ARENA_PAGES = 16 };
#define ARENA ((char*)0x200000000000)

// A number below n, from the stream of this call.
unsigned pick(unsigned n);
// One of the values, as of the first one's type.
#define ONE_OF(first, ...)                                                                                             \
    ({                                                                                                                 \
        __typeof__((first) + 0) choices_[] = {first, __VA_ARGS__};                                                     \
        choices_[pick(sizeof choices_ / sizeof *choices_)];                                                            \
    })
// Adds to what is compared, and shows it if asked to.
void note(const char* format, ...) __attribute__((format(printf, 1, 2)));
// " = RESULT" or " = -1 ERRNO"; the result again. errno stays as it is.
long result(long r);
// For calls that give a new descriptor, whose number means nothing: 0 instead. It goes to the slot.
void result_fd(int fd, int slot);
// Two descriptors to two different slots.
void keep_two(const int* ends, int a, int b);

int some_fd(void);
const char* some_path(void);
size_t some_size(void);
long some_offset(void);
unsigned bytes_hash(const void* p, long n);
extern unsigned char data[3 * PAGE];
// " {HASH}" of what a read gave.
void note_bytes(const void* p, long n);
// A buffer of n bytes: a good one, or one that ends where no memory is, or none at all. It is writable and has data in it.
void* some_buffer(size_t n);

void family_files(void);
void family_names(void);
void family_descriptors(void);
void family_memory(void);
void family_signals(void);
void family_timers(void);
void family_processes(void);
void family_sockets(void);
void family_events(void);
void family_pipes(void);
void family_locks(void);
void family_attributes(void);

// Before and after each sequence.
void start_signals(void);
void end_timers(void);
void end_memory(void);
// What a process of a family's does: a few calls, of which only the hash is told.
unsigned calls_of_child(unsigned n);
