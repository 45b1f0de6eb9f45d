// What Swift cannot import from mpi.h: handles, which are casts of addresses in Open MPI and of integers in MPICH,
// and constants that only one of them has as a plain number. Portable MPI 3 only.
#pragma once
#include <mpi.h>

// Handles that MPI hands out: Swift sees them as optional in Open MPI (addresses) and as plain numbers in MPICH, so that no
// one spelling of a variable would do for both. As the member of a struct they are passed, compared and filled alike.
typedef struct { MPI_Comm handle; } AltaMPICommunicator;
typedef struct { MPI_Info handle; } AltaMPIInfo;
typedef struct { MPI_Request handle; } AltaMPIRequest;
typedef struct { MPI_Win handle; } AltaMPIWindow;

static inline MPI_Comm alta_mpi_comm_world(void) { return MPI_COMM_WORLD; }
static inline MPI_Errhandler alta_mpi_errors_return(void) { return MPI_ERRORS_RETURN; }

static inline MPI_Datatype alta_mpi_float(void) { return MPI_FLOAT; }
static inline MPI_Datatype alta_mpi_double(void) { return MPI_DOUBLE; }
static inline MPI_Datatype alta_mpi_int32(void) { return MPI_INT32_T; }
static inline MPI_Datatype alta_mpi_int64(void) { return MPI_INT64_T; }
static inline MPI_Datatype alta_mpi_uint8(void) { return MPI_UINT8_T; }
static inline MPI_Datatype alta_mpi_uint64(void) { return MPI_UINT64_T; }

static inline MPI_Op alta_mpi_sum(void) { return MPI_SUM; }
static inline MPI_Op alta_mpi_max(void) { return MPI_MAX; }
static inline MPI_Op alta_mpi_min(void) { return MPI_MIN; }

/// The send buffer of a reduction whose operand already lies in the receive buffer.
static inline void *alta_mpi_in_place(void) { return MPI_IN_PLACE; }

static inline int alta_mpi_success(void) { return MPI_SUCCESS; }
static inline int alta_mpi_thread_serialized(void) { return MPI_THREAD_SERIALIZED; }
static inline int alta_mpi_thread_multiple(void) { return MPI_THREAD_MULTIPLE; }
static inline int alta_mpi_max_error_string(void) { return MPI_MAX_ERROR_STRING; }
static inline int alta_mpi_max_library_version(void) { return MPI_MAX_LIBRARY_VERSION_STRING; }
static inline int alta_mpi_max_processor_name(void) { return MPI_MAX_PROCESSOR_NAME; }

static inline AltaMPIRequest alta_mpi_request_null(void) { return (AltaMPIRequest){MPI_REQUEST_NULL}; }
static inline MPI_Status *alta_mpi_status_ignore(void) { return MPI_STATUS_IGNORE; }
static inline AltaMPIWindow alta_mpi_window_null(void) { return (AltaMPIWindow){MPI_WIN_NULL}; }
static inline AltaMPICommunicator alta_mpi_comm_null(void) { return (AltaMPICommunicator){MPI_COMM_NULL}; }
static inline AltaMPIInfo alta_mpi_info_null(void) { return (AltaMPIInfo){MPI_INFO_NULL}; }
static inline int alta_mpi_comm_type_shared(void) { return MPI_COMM_TYPE_SHARED; }
static inline int alta_mpi_mode_nocheck(void) { return MPI_MODE_NOCHECK; }
static inline int alta_mpi_any_source(void) { return MPI_ANY_SOURCE; }
static inline int alta_mpi_any_tag(void) { return MPI_ANY_TAG; }
