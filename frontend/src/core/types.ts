/** The wire types of the review desk: what travels under /api/v1. */

export type Xy = [number, number];
export type Xyxy = [number, number, number, number];

export interface BoxShape {
  type: "box";
  xyxy_px: Xyxy;
}
export interface PolygonPart {
  outer: Xy[];
  holes: Xy[][];
}
export interface PolygonShape {
  type: "polygon";
  parts: PolygonPart[];
}
export interface MaskShape {
  type: "mask";
  height_px: number;
  width_px: number;
  counts: string;
}
export interface PointShape {
  type: "point";
  xy_px: Xy;
}
export type Shape = BoxShape | PolygonShape | MaskShape | PointShape;

export type AttributeValue = string | number | boolean | null;

export interface DeskObject {
  id: string;
  class_name: string;
  shape: Shape;
  score: number | null;
  text: string | null;
  attributes: Record<string, AttributeValue>;
}
export interface Tag {
  name: string;
  kind: string;
  text: string | null;
  score: number | null;
  attributes: Record<string, AttributeValue>;
}
export interface ImageHead {
  key: number;
  name: string;
  width_px: number;
  height_px: number;
}
export type Status = "open" | "submitted" | "skipped";
export type ActionKind = "draw" | "accept" | "adjust" | "relabel" | "delete" | "undo" | "redo" | "import";

export interface ObjectChange {
  object_id: string;
  before: DeskObject | null;
  after: DeskObject | null;
}
export interface TagsChange {
  before: Tag[];
  after: Tag[];
}
export interface Action {
  id: string;
  kind: ActionKind;
  changes: ObjectChange[];
  tags: TagsChange | null;
  seconds: number | null;
  at: string;
}
export interface HistoryItem {
  id: string;
  kind: ActionKind;
  changes: ObjectChange[];
  tags: TagsChange | null;
  author: string;
  at: string;
}
export interface Lease {
  holder: string;
  until: string;
  mine: boolean;
}
export interface RefusedAction {
  id: string;
  kind: ActionKind;
  changes: ObjectChange[];
  tags: TagsChange | null;
  author: string;
  at: string;
}
export interface DeskRecord {
  image: ImageHead;
  metadata: Record<string, string>;
  version: number;
  status: Status;
  objects: DeskObject[];
  hidden: DeskObject[];
  tags: Tag[];
  proposals_layer: string;
  proposed_by: string;
  why: string;
  flag: string;
  reason: string;
  history: HistoryItem[];
  refused: RefusedAction[];
  lease: Lease | null;
}
export interface Session {
  user: { name: string; role: string };
  project: { name: string };
  csrf: string;
  version: string;
}
export interface ClassAttribute {
  name: string;
  values: string[];
  default: string | null;
}
export interface DeskClass {
  name: string;
  color: string;
  phrases: string[];
  guide: string;
  attributes: ClassAttribute[];
}
export interface ProjectInfo {
  name: string;
  classes: DeskClass[];
  thresholds: Record<string, number | null>;
  image_count: number;
  promptable: string[];
}
export type QueueState = "todo" | "open" | "submitted" | "skipped" | "flagged";
export interface QueueItem {
  image: ImageHead;
  why: string;
  strategy: string;
  state: QueueState;
  leased_by: string | null;
}
export interface QueuePage {
  items: QueueItem[];
  total: number;
  done: number;
}
export interface HomeFigures {
  images: number;
  reviewed: number;
  queued: number;
  flagged: number;
  skipped: number;
  per_class: { name: string; count: number }[];
  saved: { images: number; seconds: number; baseline_seconds: number; fraction: number | null };
  next: { title: string; detail: string };
  layers: { name: string; kind: string; author: string; images: number; objects: number }[];
}
export interface GridItem {
  image: ImageHead;
  version: number;
  object: DeskObject;
  crop_url: string;
}
export interface GridPage {
  items: GridItem[];
  cursor: string | null;
  total: number;
}
export interface GridDecision {
  image_key: number;
  version: number;
  object_id: string;
  decision: "accept" | "delete" | "relabel";
  class_name: string | null;
}
export interface GridDone {
  done: number;
  conflicts: number[];
}
export interface EffortEntry {
  action: string;
  count: number;
  seconds: number;
}
export interface SegmentReply {
  shape: MaskShape;
  score: number | null;
  milliseconds: number;
}
export interface ErrorBody {
  error: { what: string; expected: string; remedy: string };
  current?: DeskRecord;
}
