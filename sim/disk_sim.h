// A disk in memory that does to its files, at a crash, whatever a real one is allowed to do.
//
// 1. What was synced stays. What was written since is, at disk_sim_crash, kept or lost sector by sector (512 bytes),
//    in any mixture; a size that grew is kept or lost too.
// 2. Names behave as disk.h says: a create, rename or remove since the last disk_sync_directory is kept or lost; one is
//    kept only with those before it that touch the same name or file.
// 3. Equal seeds and equal calls give equal disks.
//
// One thread at a time.
#pragma once

#include "os/disk.h"

struct disk_sim;

// What goes wrong, and when; all zero: nothing. Set at any time.
struct disk_sim_faults {
  uint64_t capacity;       // bytes of all files; beyond it 53100; 0: no bound
  uint64_t fail_operation; // the Nth operation from now (1: the next) answers 58030; 0: never
  uint64_t crash_operation; // from the Nth operation from now the disk is gone: every call fails; 0: never
  uint64_t fail_sync;      // the Nth sync of a file or the directory from now fails; what it should have kept is lost
  bool hides_failure;      // that sync claims to be done (a fault that a test must find)
  bool ignore_sync;        // syncs claim to be done and do nothing (the fault that a test must find)
  bool ignore_directory_sync;
};

struct disk_sim *disk_sim_open(uint64_t seed);
void disk_sim_close(struct disk_sim *sim); // its files must have been closed
// The interface to it; borrowed for sim's life.
const struct disk *disk_sim_disk(struct disk_sim *sim);
struct disk_sim_faults *disk_sim_faults(struct disk_sim *sim);
// Operations done so far (every call but size, close and list).
uint64_t disk_sim_operations(const struct disk_sim *sim);
// Power is cut: unsynced work is kept or lost by chance, locks are gone, faults are cleared. Files that are still open
// are closed next, before anything else is done.
void disk_sim_crash(struct disk_sim *sim);
// A process dies, but not the machine: everything written stays as it is; locks are gone.
void disk_sim_kill(struct disk_sim *sim);

// For tests that look at a file. NULL: no such file. The bytes are borrowed until the next call that writes it.
const uint8_t *disk_sim_bytes(struct disk_sim *sim, const char *name, size_t *size);
// Sets a file's bytes, as if they had always been there. False: out of memory.
bool disk_sim_put(struct disk_sim *sim, const char *name, const void *data, size_t size);
// A copy of all that is there, with the same seed and no faults. NULL: out of memory.
struct disk_sim *disk_sim_copy(const struct disk_sim *sim);
