import { Monitor, Moon, Sun } from 'lucide-react';
import { IconButton } from '~/ui/Button';
import { Menu, MenuItem } from '~/ui/Menu';
import { setTheme, THEMES, type Theme, useTheme } from './theme';

const TITLES: Record<Theme, string> = { light: 'Light', dark: 'Dark', system: 'As the system' };
const ICONS: Record<Theme, React.ReactNode> = {
  light: <Sun />,
  dark: <Moon />,
  system: <Monitor />,
};

export function ThemeMenu() {
  const theme = useTheme();
  return (
    <Menu trigger={<IconButton label={`Theme: ${TITLES[theme]}`} icon={ICONS[theme]} />}>
      {THEMES.map((each) => (
        <MenuItem key={each} icon={ICONS[each]} onSelect={() => setTheme(each)}>
          {TITLES[each]}
          {each === theme && <span className="sr-only"> (chosen)</span>}
        </MenuItem>
      ))}
    </Menu>
  );
}
