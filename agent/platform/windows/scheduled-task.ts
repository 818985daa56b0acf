/**
 * Tasks of Windows' scheduler that start a program at each start of Windows, as its system. By XML, since what "schtasks
 * /Create /SC" makes does not start on a battery, ends when the mains go, and is ended after three days. Sources: "Task
 * Scheduler Schema", "schtasks create" (Microsoft).
 */
const namespace = "http://schemas.microsoft.com/windows/2004/02/mit/task";
/** The system's own account ("Well-known SIDs"). */
const system = "S-1-5-18";

/** The bytes of a task file. `command`: path of a program or script; it may begin with "%SystemRoot%". */
export function startupTask(command: string): Buffer {
  const lines = [
    '<?xml version="1.0" encoding="UTF-16"?>',
    `<Task version="1.2" xmlns="${namespace}">`,
    "  <Triggers><BootTrigger><Enabled>true</Enabled></BootTrigger></Triggers>",
    '  <Principals><Principal id="System">',
    `    <UserId>${system}</UserId>`,
    "    <RunLevel>HighestAvailable</RunLevel>",
    "  </Principal></Principals>",
    "  <Settings>",
    "    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>",
    "    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>",
    "    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>",
    "    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>",
    "  </Settings>",
    '  <Actions Context="System"><Exec>',
    `    <Command>${escaped(command)}</Command>`,
    "  </Exec></Actions>",
    "</Task>",
  ];
  return Buffer.from(`\uFEFF${lines.map((line) => `${line}\r\n`).join("")}`, "utf16le");
}

/** Words for schtasks.exe: the task of that file, in place of one of that name. */
export const createTask = (name: string, file: string): string[] => [
  "/Create",
  "/TN",
  name,
  "/RU",
  "SYSTEM",
  "/XML",
  file,
  "/F",
];

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const escaped = (text: string): string => text.replaceAll(/[&<>]/g, (letter) => entities[letter] ?? letter);
