// Files of rows in memory, for what spills.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/sqlstate.h"
#include "sql/spill.h"

// Files in memory; `left` writes are done before one fails.
struct memory_files {
  int open, made, left;
  struct spill_hooks hooks;
};

static inline int memory_open(void *context, void **file, struct error *error)
{
  struct memory_files *files = context;
  struct buffer *buffer = calloc(1, sizeof *buffer);
  if (!buffer)
    return error_memory(error);
  files->open++;
  files->made++;
  *file = buffer;
  return 0;
}

static inline int memory_write(void *context, void *file, uint64_t offset, const void *data, size_t size, struct error *error)
{
  struct memory_files *files = context;
  struct buffer *buffer = file;
  assert_int_equal(offset, buffer->size);
  if (files->left-- == 0)
    return error_set(error, SQLSTATE_DISK_FULL, "full");
  buffer_append(buffer, data, size);
  return buffer->failed ? error_memory(error) : 0;
}

static inline int memory_read(void *context, void *file, uint64_t offset, void *data, size_t size, struct error *error)
{
  const struct buffer *buffer = file;
  assert_true(offset + size <= buffer->size);
  memcpy(data, buffer->data + offset, size);
  return 0;
}

static inline void memory_close(void *context, void *file)
{
  ((struct memory_files *)context)->open--;
  buffer_deinit(file);
  free(file);
}

static inline void open_files(struct memory_files *files)
{
  *files = (struct memory_files){.left = -1};
  files->hooks = (struct spill_hooks){files, memory_open, memory_write, memory_read, memory_close};
}
