// Files of rows: what an execution's memory does not hold, written once from front to back and read in runs.
//
// 1. A file is gone when it is closed, and when the process ends.
// 2. Rows in it have no types: whoever reads them names those with which they were written.
#pragma once

#include "base/buffer.h"
#include "data/value.h"

// Given by the host; called by the thread that runs the execution. A write or read is done whole or it is an error:
// 53100 for a full disk, 53400 for more than the server may put aside, 58030.
struct spill_hooks {
  void *context;
  int (*open)(void *context, void **file, struct error *error);
  int (*write)(void *context, void *file, uint64_t offset, const void *data, size_t size, struct error *error);
  int (*read)(void *context, void *file, uint64_t offset, void *data, size_t size, struct error *error);
  void (*close)(void *context, void *file);
};

enum { SPILL_BLOCK = 65536 }; // bytes that are written and read at a time

struct spill_file {
  const struct spill_hooks *hooks; // NULL: it is not open
  void *file;
  uint64_t size;     // what lies in `block` included
  struct buffer block;
};

int spill_open(const struct spill_hooks *hooks, struct spill_file *file, struct memory_account *account,
               struct error *error);
void spill_close(struct spill_file *file); // may be called of one that is not open
size_t spill_size(const enum type_id *types, const struct value *row, int count); // of a packed row
// Appends a row's bytes; the buffer fails for want of memory.
void spill_pack(struct buffer *out, const enum type_id *types, const struct value *row, int count);
int spill_write(struct spill_file *file, const enum type_id *types, const struct value *row, int count,
                struct error *error);
// Before it is read.
int spill_flush(struct spill_file *file, struct error *error);

struct spill_reader {
  const struct spill_file *file;
  uint64_t offset, end; // still to be read into `data`
  uint8_t *data;
  size_t at, filled;
  size_t capacity;      // of the reader's own data; 0: it is borrowed
  struct memory_account *account;
};

// Rows between two sizes that the file had. The file must outlive the reader.
void spill_reader_init(struct spill_reader *reader, const struct spill_file *file, uint64_t begin, uint64_t end,
                       struct memory_account *account);
// Packed rows, borrowed.
void spill_reader_init_memory(struct spill_reader *reader, struct bytes packed);
void spill_reader_deinit(struct spill_reader *reader);
// 1: the next row, its bytes borrowed until the next call. 0: the end.
int spill_read(struct spill_reader *reader, const enum type_id *types, struct value *row, int count,
               struct error *error);
