/** Emoji of the group "food": the glyph, then words to find it by, in English and Chinese. */

export const food = `
🍎 apple 苹果
🍊 orange tangerine 橙子 橘子
🍋 lemon 柠檬
🍌 banana 香蕉
🍉 watermelon 西瓜 吃瓜
🍇 grapes 葡萄
🍓 strawberry 草莓
🍒 cherry 樱桃
🍑 peach 桃子
🥭 mango 芒果
🍍 pineapple 菠萝
🥥 coconut 椰子
🥑 avocado 牛油果
🍅 tomato 西红柿
🥔 potato 土豆
🌽 corn 玉米
🌶️ chili hot spicy 辣椒 辣
🥦 broccoli 西兰花
🍄 mushroom 蘑菇
🍞 bread 面包
🥐 croissant 牛角包
🧀 cheese 奶酪
🥚 egg 鸡蛋
🥩 meat steak 肉 牛排
🍗 chicken leg 鸡腿
🍔 burger 汉堡
🍟 fries 薯条
🍕 pizza 披萨
🌭 hot dog 热狗
🌮 taco 塔可
🥗 salad 沙拉
🍝 spaghetti pasta 意面
🍜 noodles ramen 面条 拉面
🍲 pot stew hotpot 火锅
🍚 rice 米饭
🍙 rice ball 饭团
🍣 sushi 寿司
🥟 dumpling 饺子
🥡 takeout 外卖
🍦 ice cream 冰淇淋
🍩 doughnut 甜甜圈
🍪 cookie 饼干
🎂 birthday cake 生日 蛋糕
🍰 cake 蛋糕
🍫 chocolate 巧克力
🍬 candy 糖
🍿 popcorn 爆米花
🥮 moon cake 月饼
☕ coffee 咖啡
🍵 tea 茶
🧋 bubble tea 奶茶
🥛 milk 牛奶
🍺 beer 啤酒
🍻 cheers beers 干杯 啤酒
🥂 clinking glasses toast 干杯
🍷 wine 红酒
🍸 cocktail 鸡尾酒
🥢 chopsticks 筷子
🍴 fork knife eat 吃饭 餐具
`;
