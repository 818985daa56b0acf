/** Codes steps end with, as Windows and Configuration Manager number them: 32 bits without sign. */
export const codes = {
  success: 0,
  /** ERROR_SUCCESS_REBOOT_REQUIRED. */
  rebootRequired: 3010,
  /** What Check Readiness ends with when a check failed. */
  notReady: 4316,
  /** Windows' general failure, as a HRESULT. */
  failed: 0x80004005,
  /** HRESULT of ERROR_FILE_NOT_FOUND: a program, a file or a package is not there. */
  fileNotFound: 0x80070002,
  /** HRESULT of ERROR_ACCESS_DENIED. */
  accessDenied: 0x80070005,
  /** HRESULT of ERROR_NOT_SUPPORTED: the step does not do this where it runs. */
  notSupported: 0x80070032,
  /** HRESULT of ERROR_INVALID_PARAMETER: the step's settings contradict themselves or are out of bounds. */
  invalidSetting: 0x80070057,
  /** HRESULT of ERROR_DISK_FULL. */
  diskFull: 0x80070070,
  /** HRESULT of ERROR_NOT_FOUND. */
  notFound: 0x80070490,
  /** HRESULT of ERROR_TIMEOUT. */
  timedOut: 0x800705b4,
  /** HRESULT of ERROR_INVALID_DATA: a file is not what it should be. */
  invalidData: 0x8007000d,
  /** HRESULT of ERROR_NOT_READY: a service the step needs is not given on this machine. */
  notReadyYet: 0x80070015,
} as const;
