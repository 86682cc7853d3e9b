// The first dynamic program: the loader opens, reads, maps and protects libc; then one line through stdio.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    char *p = malloc(300000);
    if (argc < 1 || !argv[0] || !p || !getenv("PATH")) {
        printf("FAIL: argc %d, argv[0] %s, malloc %p, PATH %s\n", argc, argv[0], (void *)p, getenv("PATH"));
        return 1;
    }
    memset(p, 1, 300000);
    free(p);
    puts("ok: 4 assertions");
    return 0;
}
