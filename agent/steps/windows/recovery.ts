/** "0,4": the recovery partition a sequence made on Windows, disk and number, for the image that comes later. */
export const recoveryVariable = "_VolleyRecoveryPartition";
