/** What is selected in a run, so that a link can say it. */
export interface RunSelection {
  /** The id of the row; left out for the run itself. */
  step?: string | undefined;
  /** The tab that was chosen last; left out if none was. */
  tab?: string | undefined;
}
