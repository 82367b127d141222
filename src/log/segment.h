// The bytes of a segment file, and the write side's and the recovery's common struct.
//
// A segment is a header block of SEGMENT_HEADER bytes, then records, each on a multiple of 8 bytes.
//
//   header (little-endian)                      record
//    0 magic "QUERNLOG"                          0 u32 check: hash of bytes 4..40
//    8 u32 format version                        4 u32 length of the payload
//   12 u32 SEGMENT_HEADER                        8 u64 position
//   16 u64 log id                               16 u32 durable: offset up to which this segment was synced when
//   24 u64 serial                                          the record was written
//   32 u64 start: position  \ of the first      20 u32 chunk
//   40 u32 start: chunk     / record            24 u32 type
//   44 u32 1: the file was used before          28 u32 0
//   48 u64 segment size                         32 u64 checksum of the payload
//   56 u64 checksum of bytes 0..56              40 payload
//
// Both hashes of a record are seeded with log id and serial, so that a file that is used again holds nothing valid.
// `durable` is what tells a torn tail (sectors of one unsynced write may arrive in any order, so that whole records can
// stand behind a torn one) from damage (a record that was written after the torn one had been synced).
#pragma once

#include "log/log.h"

#define SEGMENT_VERSION 1
#define SEGMENT_MAX (1ull << 30) // bytes; `durable` has 32 bits
#define SEGMENT_MIN (16ull << 10)

enum { SEGMENT_HEADER = 4096, SEGMENT_HEADER_USED = 64, RECORD_HEADER = 40 };

enum record_type {
  RECORD_ATOM = 1,  // a whole atom
  RECORD_CHUNK = 2, // a piece of one
  RECORD_LAST = 3,  // closes one that went in pieces; payload: u64 its size
};

// A place in the chain of records: before chunk `chunk` of the atom `position`.
struct place {
  uint64_t position;
  uint32_t chunk;
};

static inline int place_compare(struct place a, struct place b)
{
  if (a.position != b.position)
    return a.position < b.position ? -1 : 1;
  return (a.chunk > b.chunk) - (a.chunk < b.chunk);
}

struct segment {
  uint64_t serial;
  struct place start;
  uint64_t file_size;    // bytes
  uint64_t segment_size; // as its header says
  bool is_valid;         // its header is
  bool is_reused;        // the file was another segment before: what stands behind its end is not zeros
  bool is_written;       // a spare: all of its blocks have been written, as far as this process knows
};

struct segment_list {
  struct segment *items;
  size_t count, capacity;
};

bool segment_list_add(struct segment_list *list, const struct segment *segment);
void segment_list_remove(struct segment_list *list, size_t index);

enum segment_kind { SEGMENT_LOG, SEGMENT_SPARE };
void segment_name(enum segment_kind kind, uint64_t serial, char name[DISK_NAME]);
// False: not the name of a segment.
bool segment_parse_name(const char *name, enum segment_kind *kind, uint64_t *serial);

void segment_encode_header(const struct segment *segment, uint64_t log_id, uint8_t header[SEGMENT_HEADER]);
enum header_state { HEADER_VALID, HEADER_BROKEN, HEADER_NEWER };
// Sets start, segment_size and is_reused (and *serial, *log_id, *version) when it is valid.
struct header_read {
  uint64_t log_id, serial;
  uint32_t version;
};
enum header_state segment_decode_header(const uint8_t *bytes, size_t size, struct segment *segment,
                                        struct header_read *read);

uint64_t segment_seed(uint64_t log_id, uint64_t serial);

struct record {
  struct place place;
  enum record_type type;
  uint32_t durable;
  struct bytes payload;
};

static inline uint64_t record_size(uint64_t length) { return (RECORD_HEADER + length + 7) / 8 * 8; }
void record_append(struct buffer *out, const struct record *record, uint64_t seed);
enum record_state {
  RECORD_NONE,  // no header of this segment's
  RECORD_TORN,  // a header, but not its payload
  RECORD_WHOLE,
};
// Looks at what stands at the offset of a segment's bytes.
enum record_state record_read(struct bytes segment, uint64_t offset, uint64_t seed, struct record *record);

// --- The log ---------------------------------------------------------------------------------------

struct log {
  struct disk disk;
  uint64_t segment_size;
  uint64_t chunk_size;
  uint64_t log_id;
  bool is_new, without_sync;
  uint64_t next_serial;

  struct segment_list segments; // in order; the last is being written
  struct segment_list spares;

  struct disk_file *file;   // of the last segment
  uint64_t seed;            // of the last segment
  uint64_t offset;          // end of what was written of it
  uint64_t durable_offset;  // end of what was synced of it
  uint64_t written_to;      // blocks up to here were written before, so that a sync need not write the file's map
  struct buffer staged;     // records that stand behind offset when they are written
  struct place next;        // what the next record holds; staged records count as written
  uint64_t durable;         // position

  struct error failure;     // status not 0: the log is lost
  struct log_statistics statistics;
};

// Makes the next segment, with its header synced and its name durable, and goes to it.
int log_start_segment(struct log *log, struct error *error);
// Reads the directory and gives every atom to apply. Changes nothing but log's fields; *ending says what to do then.
struct recovery_end {
  struct segment_list dropped; // never begun, or below the checkpoint: to be freed
  struct segment_list useless; // spares of another size: to be removed
  bool has_tail;               // the last segment is to be cut at tail_offset
  uint64_t tail_offset;
  uint64_t synced_offset;      // up to there the last segment was synced when its last record was written
};
int log_recover(struct log *log, const struct log_options *options, struct recovery_end *ending, struct error *error);
// Makes segment a spare, or removes it. Does not sync the directory.
int log_drop_segment(struct log *log, const struct segment *segment, struct error *error);
