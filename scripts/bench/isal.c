/*
 * Throughput of ISA-L's erasure coder, in the shape of `benches/row.rs`: shards of 64 KiB, stripe by
 * stripe over about 32 MiB of plaintext, one core, the median of the runs. Prints MB/s (10^6 bytes of
 * plaintext a second) of encoding, and of restoring k data shards from the last k pieces.
 *
 *   cc -O2 isal.c -lisal -o isal && ./isal [RUNS]
 */
#include <isa-l.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHARD (64 * 1024)
#define TOTAL (32 * 1024 * 1024)
#define MAX_PIECES 255
#define MAX_RUNS 101

typedef unsigned char byte;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static byte *allocate(size_t size) {
    void *bytes = NULL;
    if (posix_memalign(&bytes, 64, size) != 0) {
        fprintf(stderr, "isal: no memory for %zu bytes\n", size);
        exit(1);
    }
    memset(bytes, 1, size);
    return bytes;
}

/* Median MB/s of `rows` outputs from `k` inputs, over the stripes that lie in `data`. */
static double measure(int k, int rows, byte *tables, byte *data, byte **out, int stripes, int runs) {
    double seconds[MAX_RUNS];
    byte *in[MAX_PIECES];
    for (int run = -1; run < runs; run++) { /* the first one warms up */
        double start = now();
        for (int stripe = 0; stripe < stripes; stripe++) {
            for (int i = 0; i < k; i++)
                in[i] = data + ((size_t)stripe * k + i) * SHARD;
            ec_encode_data(SHARD, k, rows, tables, in, out);
        }
        if (run >= 0)
            seconds[run] = now() - start;
    }
    qsort(seconds, runs, sizeof *seconds, ascending);
    return (double)stripes * k * SHARD / seconds[runs / 2] / 1e6;
}

static void bench(int k, int n, int runs) {
    int stripes = TOTAL / (k * SHARD), parity = n - k;
    byte *matrix = allocate((size_t)n * k), *tables = allocate((size_t)n * k * 32);
    byte *data = allocate((size_t)stripes * k * SHARD);
    byte *out[MAX_PIECES];
    for (size_t i = 0; i < (size_t)stripes * k * SHARD; i++)
        data[i] = (byte)(i * 2654435761u >> 13);
    for (int i = 0; i < n; i++)
        out[i] = allocate(SHARD);

    gf_gen_cauchy1_matrix(matrix, n, k);
    ec_init_tables(k, parity, matrix + (size_t)k * k, tables);
    double encode = measure(k, parity, tables, data, out, stripes, runs);

    /* The last k pieces hold max(0, 2k - n) data shards; the others are restored. */
    int kept = 2 * k > n ? 2 * k - n : 0;
    byte *last = allocate((size_t)k * k), *inverse = allocate((size_t)k * k);
    memcpy(last, matrix + (size_t)(n - k) * k, (size_t)k * k);
    if (gf_invert_matrix(last, inverse, k) != 0) {
        fprintf(stderr, "isal: %d/%d has no inverse\n", k, n);
        exit(1);
    }
    ec_init_tables(k, k - kept, inverse, tables);
    double decode = measure(k, k - kept, tables, data, out, stripes, runs);
    printf("isal/code=%d/%d  encode %8.0f MB/s  restore %8.0f MB/s\n", k, n, encode, decode);

    for (int i = 0; i < n; i++)
        free(out[i]);
    free(inverse), free(last), free(data), free(tables), free(matrix);
}

int main(int argc, char **argv) {
    int runs = argc > 1 ? atoi(argv[1]) : 11;
    if (runs < 1 || runs > MAX_RUNS) {
        fprintf(stderr, "usage: isal [RUNS], 1 to %d\n", MAX_RUNS);
        return 2;
    }
    bench(4, 8, runs);
    bench(10, 20, runs);
    bench(29, 80, runs);
    return 0;
}
