// Runs a fuzzer without libFuzzer, for `make check`: every file of the corpus, then mutations of them.
//
//   NAME_fuzz CORPUS [ITERATIONS [SEED [FIRST]]]
//
// 1. What iteration i does follows from the seed, i and the corpus alone, so that a failure is replayed by
//    the line that it prints: one iteration, from FIRST.
// 2. An input gets HANG_SECONDS; beyond it the run fails and names the input.
#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ITERATIONS = 10000, INPUT_MAXIMUM = 256 * 1024, MUTATIONS_MAXIMUM = 6, HANG_SECONDS = 60 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

struct input {
  char *name;
  uint8_t *data;
  size_t size;
};

struct bytes_range {
  size_t start, size;
};

struct corpus {
  struct input *inputs;
  size_t count;
};

// What runs now, for the handlers of signals; they can be given nothing else.
static char running[1024];

static void say_running(void)
{
  ssize_t ignored = write(STDERR_FILENO, running, strlen(running));
  (void)ignored;
}

static void on_signal(int number)
{
  say_running();
  signal(number, SIG_DFL);
  raise(number);
}

static void fail(const char *what, const char *path)
{
  fprintf(stderr, "driver: %s: %s\n", what, path);
  exit(2);
}

// --- The corpus ------------------------------------------------------------------------------------

static struct input input_read(const char *directory, const char *name)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "rb");
  struct input input = {.name = strdup(name), .data = malloc(INPUT_MAXIMUM)};
  if (!file || !input.name || !input.data)
    fail("cannot read", path);
  input.size = fread(input.data, 1, INPUT_MAXIMUM, file);
  fclose(file);
  return input;
}

static int is_file(const struct dirent *entry)
{
  return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
  return strcmp((*a)->d_name, (*b)->d_name);
}

// Never empty: without files it holds the empty input.
static struct corpus corpus_read(const char *directory)
{
  struct dirent **entries = NULL;
  int count = scandir(directory, &entries, is_file, by_name);
  struct corpus corpus = {.inputs = calloc((size_t)(count > 0 ? count : 1), sizeof *corpus.inputs)};
  if (!corpus.inputs)
    fail("out of memory", directory);
  for (int i = 0; i < count; i++) {
    corpus.inputs[corpus.count++] = input_read(directory, entries[i]->d_name);
    free(entries[i]);
  }
  free(entries);
  if (corpus.count == 0)
    corpus.inputs[corpus.count++] = (struct input){.name = strdup("(empty)"), .data = calloc(1, 1)};
  return corpus;
}

static void corpus_free(struct corpus *corpus)
{
  for (size_t i = 0; i < corpus->count; i++) {
    free(corpus->inputs[i].name);
    free(corpus->inputs[i].data);
  }
  free(corpus->inputs);
}

// --- Mutation --------------------------------------------------------------------------------------

// splitmix64 (Steele, Lea, Flood 2014).
static uint64_t draw(uint64_t *state)
{
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static size_t draw_below(uint64_t *state, size_t bound)
{
  return bound ? (size_t)(draw(state) % bound) : 0;
}

// Mostly short, sometimes anything up to the bound.
static size_t draw_length(uint64_t *state, size_t bound)
{
  size_t length = draw_below(state, draw_below(state, 4) ? 16 : bound) + 1;
  return length < bound ? length : bound;
}

static void insert(struct input *input, size_t at, const uint8_t *data, size_t size)
{
  if (size > INPUT_MAXIMUM - input->size)
    size = INPUT_MAXIMUM - input->size;
  memmove(input->data + at + size, input->data + at, input->size - at);
  memcpy(input->data + at, data, size);
  input->size += size;
}

// Lengths and counts are where parsers break: bounds of integers, big-endian.
static void put_integer(struct input *input, uint64_t *state)
{
  static const uint32_t edges[] = {0,      1,      4,      0x7f,       0x80,       0xff,
                                   0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
  uint32_t value = edges[draw_below(state, sizeof edges / sizeof *edges)];
  size_t size = draw_below(state, 2) ? 4 : 2;
  if (input->size < size)
    return;
  uint8_t *at = input->data + draw_below(state, input->size - size + 1);
  for (size_t i = 0; i < size; i++)
    at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static bool is_of_word(uint8_t byte)
{
  return isalnum(byte) || byte == '_' || byte == '.' || byte == '\'' || byte >= 0x80;
}

// A word (or a single mark) of the input, near a place drawn.
static struct bytes_range draw_word(const struct input *input, uint64_t *state)
{
  size_t start = draw_below(state, input->size), end = start + 1;
  if (is_of_word(input->data[start])) {
    while (start > 0 && is_of_word(input->data[start - 1]))
      start--;
    while (end < input->size && is_of_word(input->data[end]))
      end++;
  }
  return (struct bytes_range){start, end - start};
}

// A word for a word: what comes out of it more often passes the parser.
static void swap_word(struct input *input, const struct input *other, uint64_t *state)
{
  if (!input->size || !other->size)
    return;
  struct bytes_range from = draw_word(other, state), to = draw_word(input, state);
  uint8_t *word = malloc(from.size);
  if (!word)
    fail("out of memory", running);
  memcpy(word, other->data + from.start, from.size);
  memmove(input->data + to.start, input->data + to.start + to.size, input->size - to.start - to.size);
  input->size -= to.size;
  insert(input, to.start, word, from.size);
  free(word);
}

static void mutate_once(struct input *input, const struct corpus *corpus, uint64_t *state)
{
  const struct input *other = &corpus->inputs[draw_below(state, corpus->count)];
  size_t at = draw_below(state, input->size + 1);
  size_t rest = input->size - at;
  uint8_t noise[16];
  uint8_t *copy;
  size_t size, from;
  switch (draw_below(state, 12)) {
  case 0: // flip a bit
    if (rest)
      input->data[at] ^= (uint8_t)(1u << draw_below(state, 8));
    break;
  case 1: // another byte
    if (rest)
      input->data[at] = (uint8_t)draw(state);
    break;
  case 2: put_integer(input, state); break;
  case 3: // take bytes away
    size = rest ? draw_length(state, rest) : 0;
    memmove(input->data + at, input->data + at + size, rest - size);
    input->size -= size;
    break;
  case 4: // put noise in
    for (size_t i = 0; i < sizeof noise; i++)
      noise[i] = (uint8_t)draw(state);
    insert(input, at, noise, 1 + draw_below(state, sizeof noise));
    break;
  case 5: // repeat a piece of itself
    size = rest ? draw_length(state, rest) : 0;
    copy = malloc(size + 1);
    if (!copy)
      fail("out of memory", running);
    memcpy(copy, input->data + at, size);
    for (size_t times = 1 + draw_below(state, 8); times > 0; times--)
      insert(input, at, copy, size);
    free(copy);
    break;
  case 6: // a piece of another input
    from = draw_below(state, other->size + 1);
    if (other->size > from)
      insert(input, at, other->data + from, draw_length(state, other->size - from));
    break;
  default: swap_word(input, other, state);
  }
}

static void mutate(struct input *input, const struct corpus *corpus, uint64_t seed, uint64_t iteration)
{
  uint64_t state = seed * 0x9e3779b97f4a7c15u + iteration;
  const struct input *origin = &corpus->inputs[draw_below(&state, corpus->count)];
  memcpy(input->data, origin->data, origin->size);
  input->size = origin->size;
  for (size_t i = 1 + draw_below(&state, MUTATIONS_MAXIMUM); i > 0; i--)
    mutate_once(input, corpus, &state);
}

// --- Running ---------------------------------------------------------------------------------------

// From a copy of the exact size, so that the sanitizers see a read behind its end.
static void run(const struct input *input)
{
  uint8_t *data = malloc(input->size ? input->size : 1);
  if (!data)
    fail("out of memory", running);
  memcpy(data, input->data, input->size);
  alarm(HANG_SECONDS);
  LLVMFuzzerTestOneInput(data, input->size);
  alarm(0);
  free(data);
}

int main(int argc, char **argv)
{
  if (argc < 2 || argc > 5) {
    fprintf(stderr, "usage: %s CORPUS [ITERATIONS [SEED [FIRST]]]\n", argv[0]);
    return 2;
  }
  uint64_t iterations = argc > 2 ? strtoull(argv[2], NULL, 10) : ITERATIONS;
  uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
  uint64_t first = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
  signal(SIGABRT, on_signal);
  signal(SIGALRM, on_signal);
  if (__sanitizer_set_death_callback)
    __sanitizer_set_death_callback(say_running);
  if (LLVMFuzzerInitialize)
    LLVMFuzzerInitialize(&argc, &argv);

  struct corpus corpus = corpus_read(argv[1]);
  for (size_t i = 0; i < corpus.count && first == 0; i++) {
    snprintf(running, sizeof running, "\ndriver: failed or hung at %s/%s\n", argv[1], corpus.inputs[i].name);
    run(&corpus.inputs[i]);
  }
  struct input input = {.data = malloc(INPUT_MAXIMUM)};
  if (!input.data)
    fail("out of memory", argv[1]);
  for (uint64_t i = first; i < first + iterations; i++) {
    snprintf(running, sizeof running, "\ndriver: failed or hung; again with: %s %s 1 %llu %llu\n", argv[0], argv[1],
             (unsigned long long)seed, (unsigned long long)i);
    mutate(&input, &corpus, seed, i);
    run(&input);
  }
  printf("%zu inputs of the corpus and %llu mutations\n", corpus.count, (unsigned long long)iterations);
  free(input.data);
  corpus_free(&corpus);
  return 0;
}
