// Hostile programs: BOMB(name, kind) { ... } is one, which `bombs NAME` runs inside the sandbox as PID 1. A bomb may fail, die or be killed:
// what counts is what becomes of the sandbox and the host (run.py). ENDLESS: it goes on until it is stopped; ENDS: it must end by
// itself with status 0, inside the sandbox's limits.
#pragma once
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096L
enum kind { ENDLESS, ENDS };
void bomb_register(const char *name, void (*fn)(void), enum kind kind);
#define BOMB(n, kind)                                                                                                    \
    static void bomb_##n(void);                                                                                          \
    __attribute__((constructor)) static void reg_##n(void) { bomb_register(#n, bomb_##n, kind); }                        \
    static void bomb_##n(void)

// A check of an ENDS bomb: a line and status 1.
#define EXPECT(c)                                                                                                        \
    do {                                                                                                                 \
        if (!(c)) {                                                                                                      \
            dprintf(2, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #c, strerror(errno));                                     \
            _exit(1);                                                                                                    \
        }                                                                                                                \
    } while (0)

unsigned long rnd(void);                                      // a fast generator, seeded from SEED or the clock
void all_descriptors(void);                                   // the soft limit of descriptors becomes the hard one
pthread_t go(void *(*fn)(void *), void *arg);                 // a thread; ends the program if there is none
int spawn(void (*fn)(void));                                  // a child that runs fn
void keep(int processes, void (*fn)(void));                   // that many children for ever, each replaced when it dies
void enter_tmpfs(void);                                       // into a fresh directory of a tmpfs
