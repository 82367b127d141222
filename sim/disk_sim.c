// The simulated disk.
//
// A file (inode) has two images: `now`, what reads see, and `kept`, what is on the platter. A write marks its sectors
// dirty; a sync copies the dirty ones to `kept`. Names are a table `now` and a table `kept` with the operations
// between them in order; a sync of the directory makes kept equal to now.
#include "disk_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/sqlstate.h"

enum { SECTOR = 512 };

struct image {
  uint8_t *data;
  size_t size;
  size_t capacity;
};

struct inode {
  struct inode *next; // of all inodes of the disk
  struct image now;
  struct image kept;
  uint8_t *dirty; // one byte a sector of now
  size_t dirty_capacity;
  int open_count;
  bool is_locked;
};

struct name {
  char text[DISK_NAME];
  struct inode *inode; // NULL: removed
};

enum change_kind { NAME_CREATED, NAME_REMOVED, NAME_RENAMED };

// A change of the directory that is not yet synced.
struct name_change {
  enum change_kind kind;
  char from[DISK_NAME]; // of a created or removed one the only name
  char to[DISK_NAME];
  struct inode *inode;
};

struct names {
  struct name *items;
  size_t count, capacity;
};

struct disk_sim {
  struct disk disk;
  uint64_t random;
  struct inode *inodes;
  struct names now, kept;
  struct name_change *changes;
  size_t change_count, change_capacity;
  struct disk_sim_faults faults;
  uint64_t operations;
  bool is_gone; // crash_operation was reached
};

struct sim_file {
  struct disk_file file; // first: a disk_file is one of these
  struct disk_sim *sim;
  struct inode *inode;
  char name[DISK_NAME];
  bool is_lock;
};

// SplitMix64.
static uint64_t random_next(struct disk_sim *sim)
{
  uint64_t z = sim->random += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

// --- Images and names ------------------------------------------------------------------------------

static bool grow(void **items, size_t *capacity, size_t needed, size_t item)
{
  if (needed <= *capacity)
    return true;
  size_t larger = *capacity ? *capacity * 2 : 16;
  if (larger < needed)
    larger = needed;
  uint8_t *moved = realloc(*items, larger * item);
  if (!moved)
    return false;
  memset(moved + *capacity * item, 0, (larger - *capacity) * item);
  *items = moved;
  *capacity = larger;
  return true;
}

static bool image_resize(struct image *image, size_t size)
{
  if (!grow((void **)&image->data, &image->capacity, size, 1))
    return false;
  if (size < image->size)
    memset(image->data + size, 0, image->size - size);
  image->size = size;
  return true;
}

static size_t sectors_of(size_t size)
{
  return (size + SECTOR - 1) / SECTOR;
}

static bool inode_resize(struct inode *inode, size_t size)
{
  if (!grow((void **)&inode->dirty, &inode->dirty_capacity, sectors_of(size), 1))
    return false;
  // What is cut off and then grown again is zeros, which a sync must bring to the platter.
  for (size_t sector = size / SECTOR; sector < sectors_of(inode->now.size); sector++)
    inode->dirty[sector] = 1;
  return image_resize(&inode->now, size);
}

static void inode_clean(struct inode *inode)
{
  if (inode->dirty_capacity)
    memset(inode->dirty, 0, inode->dirty_capacity);
}

static struct inode *names_get(const struct names *names, const char *text)
{
  for (size_t i = 0; i < names->count; i++) {
    if (strcmp(names->items[i].text, text) == 0)
      return names->items[i].inode;
  }
  return NULL;
}

static bool is_named(const struct names *names, const struct inode *inode)
{
  for (size_t i = 0; i < names->count; i++) {
    if (names->items[i].inode == inode)
      return true;
  }
  return false;
}

static bool names_set(struct names *names, const char *text, struct inode *inode)
{
  for (size_t i = 0; i < names->count; i++) {
    if (strcmp(names->items[i].text, text) == 0) {
      names->items[i].inode = inode;
      return true;
    }
  }
  if (!grow((void **)&names->items, &names->capacity, names->count + 1, sizeof *names->items))
    return false;
  struct name *name = &names->items[names->count++];
  snprintf(name->text, sizeof name->text, "%s", text);
  name->inode = inode;
  return true;
}

static bool names_copy(struct names *to, const struct names *from)
{
  to->count = 0;
  for (size_t i = 0; i < from->count; i++) {
    if (from->items[i].inode && !names_set(to, from->items[i].text, from->items[i].inode))
      return false;
  }
  return true;
}

static bool change_apply(struct names *names, const struct name_change *change)
{
  switch (change->kind) {
  case NAME_CREATED: return names_set(names, change->from, change->inode);
  case NAME_REMOVED: return names_set(names, change->from, NULL);
  default: return names_set(names, change->from, NULL) && names_set(names, change->to, change->inode);
  }
}

static struct inode *inode_new(struct disk_sim *sim)
{
  struct inode *inode = calloc(1, sizeof *inode);
  if (!inode)
    return NULL;
  inode->next = sim->inodes;
  sim->inodes = inode;
  return inode;
}

// --- Faults ----------------------------------------------------------------------------------------

static int operation(struct disk_sim *sim, const char *what, const char *name, struct error *error)
{
  sim->operations++;
  if (sim->faults.crash_operation && --sim->faults.crash_operation == 0)
    sim->is_gone = true;
  bool fails = sim->faults.fail_operation && --sim->faults.fail_operation == 0;
  if (sim->is_gone || fails)
    return error_set(error, SQLSTATE_IO_ERROR, "could not %s file \"%s/%s\": Input/output error", what, sim->disk.path,
                     name);
  return STATUS_OK;
}

static int grown(struct disk_sim *sim, struct inode *inode, const char *what, const char *name, size_t size,
                 struct error *error)
{
  if (size <= inode->now.size)
    return STATUS_OK;
  uint64_t used = 0;
  for (const struct inode *at = sim->inodes; at; at = at->next)
    used += at->open_count || is_named(&sim->now, at) ? at->now.size : 0;
  if (sim->faults.capacity && used + size - inode->now.size > sim->faults.capacity)
    return error_set(error, SQLSTATE_DISK_FULL, "could not %s file \"%s/%s\": No space left on device", what,
                     sim->disk.path, name);
  return inode_resize(inode, size) ? STATUS_OK : error_memory(error);
}

static bool sync_fails(struct disk_sim *sim)
{
  return sim->faults.fail_sync && --sim->faults.fail_sync == 0;
}

// --- Files -----------------------------------------------------------------------------------------

static int sim_read(struct disk_file *disk_file, uint64_t offset, void *data, size_t size, size_t *got,
                    struct error *error)
{
  struct sim_file *file = (struct sim_file *)disk_file;
  *got = 0;
  int status = operation(file->sim, "read", file->name, error);
  if (status)
    return status;
  const struct image *now = &file->inode->now;
  if (offset >= now->size)
    return STATUS_OK;
  *got = size < now->size - offset ? size : now->size - (size_t)offset;
  memcpy(data, now->data + offset, *got);
  return STATUS_OK;
}

static int sim_write(struct disk_file *disk_file, uint64_t offset, const void *data, size_t size, struct error *error)
{
  struct sim_file *file = (struct sim_file *)disk_file;
  struct disk_sim *sim = file->sim;
  struct inode *inode = file->inode;
  int status = operation(sim, "write to", file->name, error);
  // The write in which the power goes may have got some way.
  if (sim->is_gone && sim->faults.crash_operation == 0 && status) {
    size = offset + size <= inode->now.size ? size : 0;
  } else if (status || (status = grown(sim, inode, "write to", file->name, offset + size, error))) {
    return status;
  }
  if (size == 0)
    return status;
  memcpy(inode->now.data + offset, data, size);
  memset(inode->dirty + offset / SECTOR, 1, (offset + size - 1) / SECTOR - offset / SECTOR + 1);
  return status;
}

static int sim_sync(struct disk_file *disk_file, struct error *error)
{
  struct sim_file *file = (struct sim_file *)disk_file;
  struct inode *inode = file->inode;
  int status = operation(file->sim, "fdatasync", file->name, error);
  if (status)
    return status;
  if (sync_fails(file->sim)) {
    // As Linux does it: the pages are marked clean, so a later sync would claim what was never written.
    inode_clean(inode);
    if (file->sim->faults.hides_failure)
      return STATUS_OK;
    return error_set(error, SQLSTATE_IO_ERROR, "could not fdatasync file \"%s/%s\": Input/output error",
                     file->sim->disk.path, file->name);
  }
  if (file->sim->faults.ignore_sync)
    return STATUS_OK;
  if (!image_resize(&inode->kept, inode->now.size))
    return error_memory(error);
  for (size_t sector = 0; sector < sectors_of(inode->now.size); sector++) {
    if (!inode->dirty[sector])
      continue;
    size_t start = sector * SECTOR;
    size_t size = inode->now.size - start < SECTOR ? inode->now.size - start : SECTOR;
    memcpy(inode->kept.data + start, inode->now.data + start, size);
    inode->dirty[sector] = 0;
  }
  return STATUS_OK;
}

static int sim_preallocate(struct disk_file *disk_file, uint64_t size, struct error *error)
{
  struct sim_file *file = (struct sim_file *)disk_file;
  int status = operation(file->sim, "allocate space for", file->name, error);
  return status ? status : grown(file->sim, file->inode, "allocate space for", file->name, size, error);
}

static int sim_truncate(struct disk_file *disk_file, uint64_t size, struct error *error)
{
  struct sim_file *file = (struct sim_file *)disk_file;
  int status = operation(file->sim, "truncate", file->name, error);
  if (status || (status = grown(file->sim, file->inode, "truncate", file->name, size, error)))
    return status;
  return inode_resize(file->inode, size) ? STATUS_OK : error_memory(error);
}

static int sim_size(struct disk_file *disk_file, uint64_t *size, struct error *error)
{
  (void)error;
  *size = ((struct sim_file *)disk_file)->inode->now.size;
  return STATUS_OK;
}

static void sim_close(struct disk_file *disk_file)
{
  struct sim_file *file = (struct sim_file *)disk_file;
  file->inode->open_count--;
  if (file->is_lock)
    file->inode->is_locked = false;
  free(file);
}

// --- The directory ---------------------------------------------------------------------------------

static int change_add(struct disk_sim *sim, const struct name_change *change, struct error *error)
{
  if (!grow((void **)&sim->changes, &sim->change_capacity, sim->change_count + 1, sizeof *sim->changes) ||
      !change_apply(&sim->now, change))
    return error_memory(error);
  sim->changes[sim->change_count++] = *change;
  return STATUS_OK;
}

static int not_there(struct disk_sim *sim, const char *what, const char *name, struct error *error)
{
  return error_set(error, SQLSTATE_IO_ERROR, "could not %s file \"%s/%s\": No such file or directory", what,
                   sim->disk.path, name);
}

static const struct disk_methods sim_methods;

static int open_inode(struct disk_sim *sim, const char *name, struct inode *inode, struct disk_file **opened,
                      struct error *error)
{
  struct sim_file *file = calloc(1, sizeof *file);
  if (!file)
    return error_memory(error);
  *file = (struct sim_file){.file.methods = &sim_methods, .sim = sim, .inode = inode};
  snprintf(file->name, sizeof file->name, "%s", name);
  inode->open_count++;
  *opened = &file->file;
  return STATUS_OK;
}

static int create(struct disk_sim *sim, const char *name, struct inode **inode, struct error *error)
{
  if (!(*inode = inode_new(sim)))
    return error_memory(error);
  struct name_change change = {.kind = NAME_CREATED, .inode = *inode};
  snprintf(change.from, sizeof change.from, "%s", name);
  return change_add(sim, &change, error);
}

static int sim_open(void *context, const char *name, enum disk_mode mode, struct disk_file **file, struct error *error)
{
  struct disk_sim *sim = context;
  *file = NULL;
  int status = operation(sim, "open", name, error);
  if (status)
    return status;
  struct inode *inode = names_get(&sim->now, name);
  if (!inode && mode != DISK_CREATE)
    return not_there(sim, "open", name, error);
  if (!inode && (status = create(sim, name, &inode, error)))
    return status;
  if (mode == DISK_CREATE && !inode_resize(inode, 0))
    return error_memory(error);
  return open_inode(sim, name, inode, file, error);
}

static int sim_rename(void *context, const char *from, const char *to, struct error *error)
{
  struct disk_sim *sim = context;
  int status = operation(sim, "rename", from, error);
  if (status)
    return status;
  struct name_change change = {.kind = NAME_RENAMED, .inode = names_get(&sim->now, from)};
  if (!change.inode)
    return not_there(sim, "rename", from, error);
  snprintf(change.from, sizeof change.from, "%s", from);
  snprintf(change.to, sizeof change.to, "%s", to);
  return change_add(sim, &change, error);
}

static int sim_remove(void *context, const char *name, struct error *error)
{
  struct disk_sim *sim = context;
  int status = operation(sim, "remove", name, error);
  if (status)
    return status;
  struct name_change change = {.kind = NAME_REMOVED, .inode = names_get(&sim->now, name)};
  if (!change.inode)
    return not_there(sim, "remove", name, error);
  snprintf(change.from, sizeof change.from, "%s", name);
  return change_add(sim, &change, error);
}

static int sim_list(void *context, disk_list_entry entry, void *entry_context, struct error *error)
{
  struct disk_sim *sim = context;
  if (sim->is_gone)
    return error_set(error, SQLSTATE_IO_ERROR, "could not read directory \"%s\": Input/output error", sim->disk.path);
  for (size_t i = 0; i < sim->now.count; i++) {
    if (sim->now.items[i].inode)
      entry(entry_context, sim->now.items[i].text);
  }
  return STATUS_OK;
}

static int sim_sync_directory(void *context, struct error *error)
{
  struct disk_sim *sim = context;
  int status = operation(sim, "fsync", ".", error);
  if (status)
    return status;
  if (sync_fails(sim))
    return error_set(error, SQLSTATE_IO_ERROR, "could not fsync directory \"%s\": Input/output error", sim->disk.path);
  if (sim->faults.ignore_sync || sim->faults.ignore_directory_sync)
    return STATUS_OK;
  sim->change_count = 0;
  return names_copy(&sim->kept, &sim->now) ? STATUS_OK : error_memory(error);
}

static int sim_lock(void *context, const char *name, struct disk_file **file, struct error *error)
{
  struct disk_sim *sim = context;
  *file = NULL;
  int status = operation(sim, "lock", name, error);
  if (status)
    return status;
  struct inode *inode = names_get(&sim->now, name);
  if (!inode && (status = create(sim, name, &inode, error)))
    return status;
  if (inode->is_locked)
    return error_set(error, SQLSTATE_OBJECT_IN_USE, "data directory \"%s\" is in use by another process",
                     sim->disk.path);
  if ((status = open_inode(sim, name, inode, file, error)))
    return status;
  inode->is_locked = ((struct sim_file *)*file)->is_lock = true;
  return STATUS_OK;
}

static const struct disk_methods sim_methods = {
    .open = sim_open,
    .rename = sim_rename,
    .remove = sim_remove,
    .list = sim_list,
    .sync_directory = sim_sync_directory,
    .lock = sim_lock,
    .read = sim_read,
    .write = sim_write,
    .sync = sim_sync,
    .preallocate = sim_preallocate,
    .truncate = sim_truncate,
    .size = sim_size,
    .close = sim_close,
};

// --- The disk as a whole -----------------------------------------------------------------------------

static void inode_free(struct inode *inode)
{
  free(inode->now.data);
  free(inode->kept.data);
  free(inode->dirty);
  free(inode);
}

struct disk_sim *disk_sim_open(uint64_t seed)
{
  struct disk_sim *sim = calloc(1, sizeof *sim);
  if (!sim)
    return NULL;
  sim->random = seed;
  sim->disk = (struct disk){.methods = &sim_methods, .context = sim, .path = "simulated"};
  return sim;
}

void disk_sim_close(struct disk_sim *sim)
{
  if (!sim)
    return;
  while (sim->inodes) {
    struct inode *inode = sim->inodes;
    CHECK(inode->open_count == 0);
    sim->inodes = inode->next;
    inode_free(inode);
  }
  free(sim->now.items);
  free(sim->kept.items);
  free(sim->changes);
  free(sim);
}

const struct disk *disk_sim_disk(struct disk_sim *sim)
{
  return &sim->disk;
}

struct disk_sim_faults *disk_sim_faults(struct disk_sim *sim)
{
  return &sim->faults;
}

uint64_t disk_sim_operations(const struct disk_sim *sim)
{
  return sim->operations;
}

static bool touch(const struct name_change *a, const struct name_change *b)
{
  return a->inode == b->inode || strcmp(a->from, b->from) == 0 || strcmp(a->to, b->from) == 0 ||
         strcmp(a->from, b->to) == 0 || (*a->to && strcmp(a->to, b->to) == 0);
}

static void crash_names(struct disk_sim *sim)
{
  bool *is_lost = calloc(sim->change_count + 1, sizeof *is_lost);
  CHECK(is_lost);
  // One crash in three keeps all, one loses all, one picks.
  uint64_t way = random_next(sim) % 3;
  for (size_t i = 0; i < sim->change_count; i++) {
    is_lost[i] = way == 0 || (way == 1 && random_next(sim) % 2);
    for (size_t j = 0; j < i && !is_lost[i]; j++)
      is_lost[i] = is_lost[j] && touch(&sim->changes[j], &sim->changes[i]);
    if (!is_lost[i])
      CHECK(change_apply(&sim->kept, &sim->changes[i]));
  }
  free(is_lost);
  sim->change_count = 0;
  CHECK(names_copy(&sim->now, &sim->kept));
}

static void crash_inode(struct disk_sim *sim, struct inode *inode)
{
  uint64_t way = random_next(sim) % 4; // all kept, all lost, a mixture, a beginning of it
  bool keeps = way == 0;
  size_t size = inode->kept.size;
  if (inode->now.size != size && (keeps || (way > 1 && random_next(sim) % 2)))
    size = inode->now.size;
  CHECK(image_resize(&inode->kept, size));
  size_t dirty_count = 0;
  for (size_t sector = 0; sector < sectors_of(inode->now.size); sector++)
    dirty_count += inode->dirty[sector];
  uint64_t beginning = dirty_count ? random_next(sim) % (dirty_count + 1) : 0;
  for (size_t sector = 0; sector < sectors_of(inode->now.size); sector++) {
    if (!inode->dirty[sector])
      continue;
    bool stays = keeps || (way == 2 && random_next(sim) % 2) || (way == 3 && beginning > 0);
    beginning -= way == 3 && beginning > 0;
    size_t start = sector * SECTOR;
    if (stays && start < size && start < inode->now.size) {
      size_t end = start + SECTOR;
      end = end < size ? end : size;
      end = end < inode->now.size ? end : inode->now.size;
      memcpy(inode->kept.data + start, inode->now.data + start, end - start);
    }
  }
  CHECK(inode_resize(inode, size));
  if (size)
    memcpy(inode->now.data, inode->kept.data, size);
  inode_clean(inode);
}

void disk_sim_kill(struct disk_sim *sim)
{
  for (struct inode *inode = sim->inodes; inode; inode = inode->next)
    inode->is_locked = false;
  sim->faults = (struct disk_sim_faults){0};
  sim->is_gone = false;
}

void disk_sim_crash(struct disk_sim *sim)
{
  disk_sim_kill(sim);
  crash_names(sim);
  struct inode **link = &sim->inodes;
  while (*link) {
    struct inode *inode = *link;
    if (inode->open_count == 0 && !is_named(&sim->now, inode)) {
      *link = inode->next;
      inode_free(inode);
      continue;
    }
    crash_inode(sim, inode);
    link = &inode->next;
  }
}

const uint8_t *disk_sim_bytes(struct disk_sim *sim, const char *name, size_t *size)
{
  struct inode *inode = names_get(&sim->now, name);
  if (!inode)
    return NULL;
  *size = inode->now.size;
  return inode->now.data;
}

bool disk_sim_put(struct disk_sim *sim, const char *name, const void *data, size_t size)
{
  struct inode *inode = names_get(&sim->now, name);
  if (!inode && (!(inode = inode_new(sim)) || !names_set(&sim->now, name, inode) ||
                 !names_set(&sim->kept, name, inode)))
    return false;
  if (!inode_resize(inode, size) || !image_resize(&inode->kept, size))
    return false;
  if (size) {
    memcpy(inode->now.data, data, size);
    memcpy(inode->kept.data, data, size);
    inode_clean(inode);
  }
  return true;
}

struct disk_sim *disk_sim_copy(const struct disk_sim *sim)
{
  struct disk_sim *copy = disk_sim_open(sim->random);
  if (!copy)
    return NULL;
  for (size_t i = 0; i < sim->now.count; i++) {
    const struct name *name = &sim->now.items[i];
    if (name->inode && !disk_sim_put(copy, name->text, name->inode->now.data, name->inode->now.size)) {
      disk_sim_close(copy);
      return NULL;
    }
  }
  return copy;
}
